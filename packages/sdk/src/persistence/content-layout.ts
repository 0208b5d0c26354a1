import { createHash } from 'node:crypto';
import type { PayloadReference } from './payload-reference.js';
import type { BackingStoreOperation } from './persistent-backing-store.js';
import { storePath, storePathSegments, storePrefix } from './store-path.js';

/** The lists that clean-up goes through. */
export type MarkKind = 'unowned' | 'partial' | 'staging' | 'dirty';

/**
 * Where a content store keeps things, below its path:
 *
 * - `chunks/<chunk>`: the bytes of a chunk, by their SHA-256, or where the medium has them.
 * - `lists/<root>`: the chunk digests of complete content of several chunks, 32 bytes each.
 * - `refs/<root>/<owner>`: an owner of content, named by the SHA-256 of its name.
 * - `chunk-refs/<chunk>/<root>`: content of several chunks that uses a chunk.
 * - `unowned/<root>/<owner>`: content that an owner let go of, maybe the last one.
 * - `partial/<root>`: the list of content whose chunk references are being added or removed.
 * - `staging/<stage>/<batch>`: digests of chunks that nothing refers to yet.
 * - `segments/<segment>/<batch>`: digests of chunks that went to a segment of the medium.
 * - `dirty/<segment>`: a segment of the medium that may hold more than it has to.
 */
export class ContentLayout {
  readonly #segments: readonly string[];

  /** @param path - Path of the content store, `dw://content`. */
  constructor(path: string) {
    this.#segments = storePathSegments(path);
  }

  chunk(digest: string): string {
    return this.#path('chunks', digest);
  }

  list(root: string): string {
    return this.#path('lists', root);
  }

  owner(root: string, owner: string): string {
    return this.#path('refs', root, nameOf(owner));
  }

  ownersPrefix(root: string): string {
    return this.#prefix('refs', root);
  }

  chunkUse(digest: string, root: string): string {
    return this.#path('chunk-refs', digest, root);
  }

  chunkUsesPrefix(digest: string): string {
    return this.#prefix('chunk-refs', digest);
  }

  unowned(root: string, owner: string): string {
    return this.#path('unowned', root, nameOf(owner));
  }

  partial(root: string): string {
    return this.#path('partial', root);
  }

  staging(stage: string, batch: number): string {
    return this.#path('staging', stage, String(batch).padStart(10, '0'));
  }

  segment(segment: string, batch: string): string {
    return this.#path('segments', segment, batch);
  }

  segmentPrefix(segment: string): string {
    return this.#prefix('segments', segment);
  }

  dirty(segment: string): string {
    return this.#path('dirty', segment);
  }

  /** Prefix of one of the lists that clean-up goes through. */
  marks(kind: MarkKind): string {
    return this.#prefix(kind);
  }

  /** The raw segments of a path behind its kind: a root, a chunk, an owner. */
  names(path: string): readonly string[] {
    return storePathSegments(path).slice(this.#segments.length + 1);
  }

  /** Makes `owner` an owner of content. */
  retain({ digest }: PayloadReference, owner: string): readonly BackingStoreOperation[] {
    return [
      { type: 'write', path: this.owner(digest, owner), data: Buffer.from(owner, 'utf8') },
      { type: 'delete', path: this.unowned(digest, owner) },
    ];
  }

  /** Takes content from `owner`. */
  release({ digest }: PayloadReference, owner: string): readonly BackingStoreOperation[] {
    return [
      { type: 'delete', path: this.owner(digest, owner) },
      { type: 'write', path: this.unowned(digest, owner), data: new Uint8Array(0) },
    ];
  }

  #path(...segments: readonly string[]): string {
    return storePath(...this.#segments, ...segments);
  }

  #prefix(...segments: readonly string[]): string {
    return storePrefix(...this.#segments, ...segments);
  }
}

/** A name of fixed length, since an owner may be as long as a path. */
function nameOf(owner: string): string {
  return createHash('sha256').update(owner).digest('hex');
}

/** The chunk of content that has just one: its own digest. `undefined` for a list's root. */
export function onlyChunkOf(root: string): string | undefined {
  const [kind, hex] = root.split(':');
  return kind === 'sha256' ? hex : undefined;
}
