import { randomUUID } from 'node:crypto';
import type { ContentChunks } from './content-chunks.js';
import type { ContentLayout } from './content-layout.js';
import type { ContentPins } from './content-pins.js';
import { readValue } from './damaged-values.js';
import { DigestList, digestsOf } from './digest-list.js';
import { contentChunkCount, type PayloadReference } from './payload-reference.js';
import type { BackingStoreOperation, IPersistentBackingStore } from './persistent-backing-store.js';

/** Content up to this size is written wholly by the caller's batch. */
const maxInlineBytes = 256 * 1024;
/** Bytes of chunks that one batch writes. */
const batchBytes = 1024 * 1024;
/** Chunk references that one batch writes. */
const maxBatchUses = 1_024;

/** Options of {@link ContentWriter}. */
export interface ContentWriterOptions {
  readonly store: IPersistentBackingStore;
  readonly layout: ContentLayout;
  readonly chunks: ContentChunks;
  readonly pins: ContentPins;
}

/**
 * Writes the chunks of one stage. Those of small content wait for the caller's batch; others are
 * written as they come, with a record of their digests in the same batch, so that clean-up finds
 * them where the stage never ends.
 */
export class ContentWriter {
  readonly #options: ContentWriterOptions;
  readonly #stage = randomUUID();
  readonly #pending = new Map<string, Uint8Array>();
  #pendingBytes = 0;
  #totalBytes = 0;
  #stagedBatches = 0;

  constructor(options: ContentWriterOptions) {
    this.#options = options;
  }

  /** Takes a pinned chunk, and copies it. */
  async add(digest: string, chunk: Uint8Array): Promise<void> {
    this.#pending.set(digest, new Uint8Array(chunk));
    this.#pendingBytes += chunk.byteLength;
    this.#totalBytes += chunk.byteLength;
    if (this.#totalBytes > maxInlineBytes && this.#pendingBytes >= batchBytes) await this.#flush();
  }

  /**
   * Ends the stage. The root is pinned.
   *
   * @returns What is left to do: to be done in one batch.
   */
  async finish(
    reference: PayloadReference,
    list: DigestList,
    owner: string,
  ): Promise<readonly BackingStoreOperation[]> {
    const { store, layout, pins } = this.#options;
    const retained = layout.retain(reference, owner);
    if (this.#stagedBatches > 0 || this.#totalBytes > maxInlineBytes) await this.#flush();
    const writes = await this.#takeWrites();
    if (contentChunkCount(reference.sizeBytes) <= 1) return [...writes, ...retained];
    await pins.settled();
    const listed = (await readValue(store, layout.list(reference.digest)))?.data;
    const isListed = listed !== undefined && Buffer.compare(listed, list.bytes) === 0;
    if (isListed && writes.length === 0 && this.#stagedBatches === 0) return retained;
    if (this.#stagedBatches === 0 && reference.sizeBytes <= maxInlineBytes) {
      return [...writes, ...this.#listing(reference.digest, list), ...retained];
    }
    await this.#writeListing(reference.digest, list, owner);
    return [...writes, ...retained];
  }

  async #flush(): Promise<void> {
    const { store, layout } = this.#options;
    const writes = await this.#takeWrites();
    if (writes.length === 0) return;
    const written = writes.map(({ path }) => layout.names(path)[0] ?? '');
    const path = layout.staging(this.#stage, this.#stagedBatches);
    const record = DigestList.of(written).bytes;
    // Counted first: where the outcome is unknown, the record may be there.
    this.#stagedBatches += 1;
    await store.batch([...writes, { type: 'write', path, data: record }], { durability: 'disk' });
  }

  /** Writes of the pending chunks that are not there yet. */
  async #takeWrites(): Promise<readonly BackingStoreOperation[]> {
    const { layout, chunks, pins } = this.#options;
    await pins.settled();
    const missing = new Set(await chunks.missing([...this.#pending.keys()]));
    const writes: BackingStoreOperation[] = [];
    for (const [digest, data] of this.#pending) {
      if (!missing.has(digest)) continue;
      writes.push({ type: 'write', path: layout.chunk(digest), data });
      chunks.noteWrite(digest, data.byteLength);
    }
    this.#pending.clear();
    this.#pendingBytes = 0;
    return writes;
  }

  #listing(root: string, list: DigestList): readonly BackingStoreOperation[] {
    const { layout } = this.#options;
    return [
      ...this.#uses(root, [...new Set(digestsOf(list.bytes))]),
      { type: 'write', path: layout.list(root), data: list.bytes },
      { type: 'delete', path: layout.partial(root) },
    ];
  }

  #uses(root: string, digests: readonly string[]): readonly BackingStoreOperation[] {
    const { layout } = this.#options;
    const data = new Uint8Array(0);
    return digests.map((digest) => ({
      type: 'write',
      path: layout.chunkUse(digest, root),
      data,
    }));
  }

  /** Makes the content whole before anybody owns it. */
  async #writeListing(root: string, list: DigestList, owner: string): Promise<void> {
    const { store, layout } = this.#options;
    const durability = 'disk';
    const digests = [...new Set(digestsOf(list.bytes))];
    const listPath = layout.list(root);
    if (digests.length > maxBatchUses) {
      await store.write(layout.partial(root), list.bytes, { durability });
    }
    let at = 0;
    for (; digests.length - at > maxBatchUses; at += maxBatchUses) {
      await store.batch(this.#uses(root, digests.slice(at, at + maxBatchUses)), { durability });
    }
    const staged = Array.from({ length: this.#stagedBatches }, (_, batch) => ({
      type: 'delete' as const,
      path: layout.staging(this.#stage, batch),
    }));
    await store.batch(
      [
        ...this.#uses(root, digests.slice(at)),
        { type: 'write', path: listPath, data: list.bytes },
        { type: 'write', path: layout.unowned(root, owner), data: new Uint8Array(0) },
        { type: 'delete', path: layout.partial(root) },
        ...staged,
      ],
      { durability },
    );
  }
}
