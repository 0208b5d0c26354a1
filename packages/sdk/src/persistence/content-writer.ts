import { randomUUID } from 'node:crypto';
import type { ContentChunks } from './content-chunks.js';
import type { ContentLayout } from './content-layout.js';
import type { ContentMediumChunk } from './content-medium.js';
import type { ContentPins } from './content-pins.js';
import type { ContentSegments, SegmentHold } from './content-segments.js';
import { readValue } from './damaged-values.js';
import { DigestList } from './digest-list.js';
import { contentChunkCount, type PayloadReference } from './payload-reference.js';
import type { BackingStoreOperation, IPersistentBackingStore } from './persistent-backing-store.js';

/** Content up to this size is written wholly by the caller's batch. */
const maxInlineBytes = 256 * 1024;
/** The same where there is a medium: it is faster from here on. */
const maxInlineBesideMediumBytes = 32 * 1024;
/** Bytes on the medium that one batch puts into the index. */
const indexBytes = 32 * 1024 * 1024;
/** Chunk references that one batch writes. */
const maxBatchUses = 1_024;

/** Options of {@link ContentWriter}. */
export interface ContentWriterOptions {
  readonly store: IPersistentBackingStore;
  readonly layout: ContentLayout;
  readonly chunks: ContentChunks;
  readonly pins: ContentPins;
  readonly segments: ContentSegments | undefined;
}

/**
 * Writes the chunks of one stage. Those of small content wait for the caller's batch; others are
 * written as they come, with a record of their digests in the same batch, so that clean-up finds
 * them where the stage never ends.
 */
export class ContentWriter implements AsyncDisposable {
  readonly #options: ContentWriterOptions;
  readonly #stage = randomUUID();
  readonly #maxInlineBytes: number;
  readonly #hold: SegmentHold | undefined;
  #pending: ContentMediumChunk[] = [];
  #totalBytes = 0;
  #stagedBatches = 0;
  #indexing: Promise<void> = Promise.resolve();

  constructor(options: ContentWriterOptions) {
    this.#options = options;
    this.#hold = options.segments?.hold();
    this.#maxInlineBytes = this.#hold ? maxInlineBesideMediumBytes : maxInlineBytes;
  }

  /** Takes pinned chunks, each once. Their memory may be used again when this resolves. */
  async add(chunks: readonly ContentMediumChunk[]): Promise<void> {
    for (const { data } of chunks) this.#totalBytes += data.byteLength;
    if (this.#totalBytes > this.#maxInlineBytes) {
      await this.#flush();
      await this.#write(chunks);
      return;
    }
    for (const { digest, data } of chunks) {
      this.#pending.push({ digest, data: new Uint8Array(data) });
    }
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
    // Many equal chunks are few bytes to write, but too large a list for the caller's batch.
    if (reference.sizeBytes > this.#maxInlineBytes) await this.#flush();
    await this.#index();
    await this.#indexing;
    const writes = this.#writes(await this.#missing(this.#pending));
    if (contentChunkCount(reference.sizeBytes) <= 1) return [...writes, ...retained];
    await pins.settled();
    const listed = (await readValue(store, layout.list(reference.digest)))?.data;
    const isListed = listed !== undefined && Buffer.compare(listed, list.bytes) === 0;
    if (isListed && writes.length === 0 && this.#stagedBatches === 0) return retained;
    if (this.#stagedBatches === 0 && reference.sizeBytes <= this.#maxInlineBytes) {
      return [...writes, ...this.#listing(reference.digest, list), ...retained];
    }
    await this.#writeListing(reference.digest, list, owner);
    return [...writes, ...retained];
  }

  /** Lets go of what has not come into the index; clean-up removes it then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#indexing]);
    this.#hold?.[Symbol.dispose]();
  }

  async #flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await this.#write(pending);
  }

  async #write(chunks: readonly ContentMediumChunk[]): Promise<void> {
    const { segments } = this.#options;
    const missing = await this.#missing(chunks);
    if (missing.length === 0) return;
    if (this.#hold === undefined || segments === undefined) {
      const digests = missing.map(({ digest }) => digest);
      await this.#batch(this.#writes(missing), digests);
      return;
    }
    await segments.append(missing, this.#hold);
    for (const { digest, data } of missing) {
      this.#options.chunks.noteWrite(digest, data.byteLength);
    }
    if (this.#hold.bytes >= indexBytes) await this.#index();
  }

  /** Begins to put what is on the medium into the index, when the last time has ended. */
  async #index(): Promise<void> {
    const { segments, layout } = this.#options;
    if (this.#hold === undefined || segments === undefined || this.#hold.bytes === 0) return;
    const hold = this.#hold.take();
    const before = this.#indexing;
    const indexed = async (): Promise<void> => {
      using taken = hold;
      await before;
      await segments.medium.sync(taken.segments);
      await this.#batch(taken.operations(layout), taken.digests);
    };
    this.#indexing = indexed();
    // Whoever goes on or finishes meets the failure.
    this.#indexing.catch(() => undefined);
    await before;
  }

  /** Writes what a record of its digests goes along with. */
  async #batch(
    operations: readonly BackingStoreOperation[],
    digests: readonly string[],
  ): Promise<void> {
    const { store, layout } = this.#options;
    const path = layout.staging(this.#stage, this.#stagedBatches);
    const record = DigestList.of(digests).bytes;
    // Counted first: where the outcome is unknown, the record may be there.
    this.#stagedBatches += 1;
    await store.batch([...operations, { type: 'write', path, data: record }], {
      durability: 'disk',
    });
  }

  /** Those of the chunks that are not there yet. */
  async #missing(chunks: readonly ContentMediumChunk[]): Promise<readonly ContentMediumChunk[]> {
    if (chunks.length === 0) return [];
    await this.#options.pins.settled();
    const digests = chunks.map(({ digest }) => digest);
    const missing = new Set(await this.#options.chunks.missing(digests));
    return chunks.filter(({ digest }) => missing.has(digest));
  }

  #writes(chunks: readonly ContentMediumChunk[]): readonly BackingStoreOperation[] {
    return chunks.map(({ digest, data }) => {
      this.#options.chunks.noteWrite(digest, data.byteLength);
      return { type: 'write', path: this.#options.layout.chunk(digest), data };
    });
  }

  #listing(root: string, list: DigestList): readonly BackingStoreOperation[] {
    const { layout } = this.#options;
    return [
      ...this.#uses(root, list, 0, list.count),
      { type: 'write', path: layout.list(root), data: list.bytes },
      { type: 'delete', path: layout.partial(root) },
    ];
  }

  /** References to some chunks of the list: a few at a time, since there may be very many. */
  #uses(root: string, list: DigestList, start: number, end: number): BackingStoreOperation[] {
    const { layout } = this.#options;
    const data = new Uint8Array(0);
    return list.slice(start, end).map((digest) => ({
      type: 'write',
      path: layout.chunkUse(digest, root),
      data,
    }));
  }

  /** Makes the content whole before anybody owns it. */
  async #writeListing(root: string, list: DigestList, owner: string): Promise<void> {
    const { store, layout } = this.#options;
    const durability = 'disk';
    const listPath = layout.list(root);
    if (list.count > maxBatchUses) {
      await store.write(layout.partial(root), list.bytes, { durability });
    }
    let at = 0;
    for (; list.count - at > maxBatchUses; at += maxBatchUses) {
      await store.batch(this.#uses(root, list, at, at + maxBatchUses), { durability });
    }
    const staged = Array.from({ length: this.#stagedBatches }, (_, batch) => ({
      type: 'delete' as const,
      path: layout.staging(this.#stage, batch),
    }));
    await store.batch(
      [
        ...this.#uses(root, list, at, list.count),
        { type: 'write', path: listPath, data: list.bytes },
        { type: 'write', path: layout.unowned(root, owner), data: new Uint8Array(0) },
        { type: 'delete', path: layout.partial(root) },
        ...staged,
      ],
      { durability },
    );
  }
}
