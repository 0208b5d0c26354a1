import type { ContentChunks } from './content-chunks.js';
import { type ContentLayout, type MarkKind, onlyChunkOf } from './content-layout.js';
import type { ContentCleanUp } from './content-options.js';
import { pathBatches } from './content-paths.js';
import type { ContentPins, PinWatch } from './content-pins.js';
import type { ContentWriterOptions } from './content-writer.js';
import { readValue } from './damaged-values.js';
import { digestsOf, listRoot } from './digest-list.js';
import type { BackingStoreOperation, IPersistentBackingStore } from './persistent-backing-store.js';

/** Marks, and chunks, that one batch deals with. */
const batchItems = 128;

/** What may be removed: chosen after a look at the store, unless pinned meanwhile. */
interface Candidate {
  /** Pins on any of these spare it. */
  readonly guards: readonly string[];
  readonly operations: readonly BackingStoreOperation[];
  readonly chunkBytes: number | undefined;
}

/**
 * Removes what nobody refers to, in batches that each leave the store whole.
 *
 * Each batch first watches the pins, then looks for references, then removes what was neither
 * referred to nor pinned meanwhile. Interrupted anywhere, the marks lead the next one on.
 */
export class ContentCleaner {
  readonly #store: IPersistentBackingStore;
  readonly #layout: ContentLayout;
  readonly #pins: ContentPins;
  readonly #chunks: ContentChunks;
  #removedChunks = 0;
  #removedBytes = 0;

  constructor({ store, layout, pins, chunks }: ContentWriterOptions) {
    this.#store = store;
    this.#layout = layout;
    this.#pins = pins;
    this.#chunks = chunks;
  }

  async run(): Promise<Omit<ContentCleanUp, 'reclaimedBytes'>> {
    for await (const marks of this.#batchesOf('unowned')) await this.#cleanUnowned(marks);
    for await (const partials of this.#batchesOf('partial')) {
      for (const path of partials) await this.#cleanPartial(path);
    }
    for await (const records of this.#batchesOf('staging')) {
      for (const path of records) await this.#cleanStaging(path);
    }
    return { removedChunks: this.#removedChunks, removedBytes: this.#removedBytes };
  }

  #batchesOf(kind: MarkKind): AsyncGenerator<readonly string[]> {
    return pathBatches(this.#store, this.#layout.marks(kind), batchItems);
  }

  async #cleanUnowned(marks: readonly string[]): Promise<void> {
    using watch = this.#pins.watch();
    const candidates = await Promise.all(marks.map((mark) => this.#unowned(mark)));
    const known = candidates.filter((candidate) => candidate !== undefined);
    await this.#remove(known, watch);
  }

  async #unowned(mark: string): Promise<Candidate | undefined> {
    const [root = '', owner] = this.#layout.names(mark);
    const unmark: BackingStoreOperation = { type: 'delete', path: mark };
    for await (const path of this.#store.list(this.#layout.ownersPrefix(root), { limit: 2 })) {
      // Its own mark goes with the owner's next release; removing it now could race with that.
      if (this.#layout.names(path)[1] === owner) continue;
      return { guards: [], operations: [unmark], chunkBytes: undefined };
    }
    if (await this.#hasOwner(root)) return undefined;
    const chunk = onlyChunkOf(root);
    if (chunk === undefined) return this.#unlist(root, unmark);
    if (await this.#isUsed(chunk, root)) {
      return { guards: [root], operations: [unmark], chunkBytes: undefined };
    }
    return this.#withoutChunk(chunk, [root], [unmark]);
  }

  /**
   * Turns complete content into partial content, which {@link ContentCleaner.run} comes to next.
   * Where its list is damaged it stays marked, until it is taken in anew and its list is mended.
   */
  async #unlist(root: string, unmark: BackingStoreOperation): Promise<Candidate | undefined> {
    const path = this.#layout.list(root);
    const list = await readValue(this.#store, path);
    const operations: BackingStoreOperation[] = [unmark];
    if (list !== undefined) {
      const { data } = list;
      if (data === undefined || listRoot(data) !== root) return undefined;
      operations.push(
        { type: 'write', path: this.#layout.partial(root), data },
        { type: 'delete', path },
      );
    }
    return { guards: [root], operations, chunkBytes: undefined };
  }

  async #cleanPartial(path: string): Promise<void> {
    const [root = ''] = this.#layout.names(path);
    const list = (await readValue(this.#store, path))?.data;
    if (list === undefined || listRoot(list) !== root) return;
    const digests = [...new Set(digestsOf(list))];
    let isComplete = true;
    for (let at = 0; at < digests.length; at += batchItems) {
      using watch = this.#pins.watch();
      // Whoever has stored the content anew has removed the record with it.
      if (!(await this.#store.exists(path))) return;
      const some = digests.slice(at, at + batchItems);
      const candidates = await Promise.all(some.map((digest) => this.#unused(digest, root)));
      isComplete = (await this.#remove(candidates, watch)) && isComplete;
    }
    if (!isComplete) return;
    using watch = this.#pins.watch();
    const operations: BackingStoreOperation[] = [{ type: 'delete', path }];
    await this.#remove([{ guards: [root], operations, chunkBytes: undefined }], watch);
  }

  /** Takes a chunk from content, and away where that was the last one to use it. */
  async #unused(digest: string, root: string): Promise<Candidate> {
    const use: BackingStoreOperation = {
      type: 'delete',
      path: this.#layout.chunkUse(digest, root),
    };
    return (await this.#isUsed(digest, root)) || (await this.#hasOwner(`sha256:${digest}`))
      ? { guards: [root, digest], operations: [use], chunkBytes: undefined }
      : this.#withoutChunk(digest, [root], [use]);
  }

  async #cleanStaging(path: string): Promise<void> {
    const record = (await readValue(this.#store, path))?.data;
    if (record === undefined) return;
    const digests = [...new Set(digestsOf(record))];
    let isComplete = true;
    for (let at = 0; at < digests.length; at += batchItems) {
      using watch = this.#pins.watch();
      const some = digests.slice(at, at + batchItems);
      const candidates = await Promise.all(some.map((digest) => this.#unreferenced(digest)));
      isComplete = (await this.#remove(candidates, watch)) && isComplete;
    }
    if (isComplete) await this.#store.delete(path);
  }

  async #unreferenced(digest: string): Promise<Candidate> {
    return (await this.#isUsed(digest)) || (await this.#hasOwner(`sha256:${digest}`))
      ? { guards: [], operations: [], chunkBytes: undefined }
      : this.#withoutChunk(digest, [], []);
  }

  async #withoutChunk(
    digest: string,
    guards: readonly string[],
    operations: readonly BackingStoreOperation[],
  ): Promise<Candidate> {
    const removal = await this.#chunks.removal(digest);
    return {
      guards: [...guards, digest],
      operations: [...(removal?.operations ?? []), ...operations],
      chunkBytes: removal?.sizeBytes,
    };
  }

  /** Removes the candidates that nobody has pinned. Returns whether those were all. */
  async #remove(candidates: readonly Candidate[], watch: PinWatch): Promise<boolean> {
    let removed: readonly Candidate[] = [];
    await this.#pins.remove(async () => {
      removed = candidates.filter(({ guards }) => !guards.some((guard) => watch.isSpared(guard)));
      const operations = removed.flatMap((candidate) => candidate.operations);
      if (operations.length > 0) await this.#store.batch(operations);
    });
    for (const { chunkBytes } of removed) {
      if (chunkBytes === undefined) continue;
      this.#removedChunks += 1;
      this.#removedBytes += chunkBytes;
    }
    return removed.length === candidates.length;
  }

  async #hasOwner(root: string): Promise<boolean> {
    return this.#isAny(this.#layout.ownersPrefix(root));
  }

  /** Whether content of several chunks, other than `root`, uses a chunk. */
  async #isUsed(digest: string, root?: string): Promise<boolean> {
    const prefix = this.#layout.chunkUsesPrefix(digest);
    for await (const path of this.#store.list(prefix, { limit: 2 })) {
      if (this.#layout.names(path)[1] !== root) return true;
    }
    return false;
  }

  async #isAny(prefix: string): Promise<boolean> {
    for await (const path of this.#store.list(prefix, { limit: 1 })) return path !== '';
    return false;
  }
}
