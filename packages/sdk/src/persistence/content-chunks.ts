import { sha256Hex } from '../distributed/request-signature.js';
import { contentError } from '../errors/content-errors.js';
import type { ContentLayout } from './content-layout.js';
import { readValue } from './damaged-values.js';
import type {
  BackingStoreCallOptions,
  IPersistentBackingStore,
} from './persistent-backing-store.js';

const digestPattern = /^[0-9a-f]{64}$/;
/** Most digests that are remembered as damaged. */
const maxDamaged = 4_096;
const lookupsAtATime = 32;

/** Refuses what is no digest of a chunk. */
export function assertChunkDigest(digest: string): void {
  if (!digestPattern.test(digest)) {
    throw contentError('DW_CONTENT_BAD_REFERENCE', {
      message: 'A chunk digest is 64 lower-case hexadecimal digits',
      details: { digest: digest.slice(0, 100) },
    });
  }
}

/** Reads chunks by their digests, and verifies each. */
export class ContentChunks {
  readonly #store: IPersistentBackingStore;
  readonly #layout: ContentLayout;
  /** Stored, but not what their digests say: as good as missing until written again. */
  readonly #damaged = new Set<string>();
  #readCount = 0;
  #writeCount = 0;
  #bytesWritten = 0;

  constructor(store: IPersistentBackingStore, layout: ContentLayout) {
    this.#store = store;
    this.#layout = layout;
  }

  get statistics(): { chunkReads: number; chunkWrites: number; bytesWritten: number } {
    return {
      chunkReads: this.#readCount,
      chunkWrites: this.#writeCount,
      bytesWritten: this.#bytesWritten,
    };
  }

  /** Notes that a chunk was written, or will be with a batch. */
  noteWrite(digest: string, sizeBytes: number): void {
    this.#damaged.delete(digest);
    this.#writeCount += 1;
    this.#bytesWritten += sizeBytes;
  }

  async read(digest: string, options?: BackingStoreCallOptions): Promise<Uint8Array> {
    const stored = await readValue(this.#store, this.#layout.chunk(digest), options);
    if (stored === undefined) throw contentError('DW_CONTENT_NOT_FOUND', { details: { digest } });
    this.#readCount += 1;
    if (stored.data !== undefined && sha256Hex(stored.data) === digest) return stored.data;
    if (this.#damaged.size < maxDamaged) this.#damaged.add(digest);
    throw contentError('DW_CONTENT_CORRUPT', { details: { digest } });
  }

  async isPresent(digest: string): Promise<boolean> {
    return !this.#damaged.has(digest) && (await this.#store.exists(this.#layout.chunk(digest)));
  }

  /** The digests without a chunk, in order, each once. */
  async missing(digests: readonly string[]): Promise<string[]> {
    const unique = [...new Set(digests)];
    const missing: string[] = [];
    for (let at = 0; at < unique.length; at += lookupsAtATime) {
      const some = unique.slice(at, at + lookupsAtATime);
      const arePresent = await Promise.all(some.map((digest) => this.isPresent(digest)));
      missing.push(...some.filter((_, index) => arePresent[index] !== true));
    }
    return missing;
  }
}
