import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { InFlight } from '../concurrency/in-flight.js';
import { KeyedMutex } from '../concurrency/keyed-mutex.js';
import { contentError } from '../errors/content-errors.js';
import { assertChunkDigest, ContentChunks } from './content-chunks.js';
import { ContentCleaner } from './content-cleaner.js';
import { ContentComparer } from './content-comparison.js';
import { ContentHasher } from './content-hasher.js';
import { ContentLayout, onlyChunkOf } from './content-layout.js';
import type {
  ContentAssembleOptions,
  ContentCleanUp,
  ContentCompareOptions,
  ContentComparison,
  ContentFetch,
  ContentRange,
  ContentSide,
  ContentStageOptions,
  ContentStoreOptions,
  ContentStoreStatistics,
  StagedContent,
} from './content-options.js';
import { ContentPins, type PinSet } from './content-pins.js';
import { ContentReader } from './content-reader.js';
import { ContentSegmentCleaner } from './content-segment-cleaner.js';
import { ContentSegments } from './content-segments.js';
import { SlabPool } from './content-slabs.js';
import { ContentStager, type ContentStagerOptions } from './content-stager.js';
import { assertPayloadReference, type PayloadReference } from './payload-reference.js';
import type { BackingStoreOperation, IPersistentBackingStore } from './persistent-backing-store.js';
import { storePath } from './store-path.js';

/**
 * Keeps bytes by what they are: in chunks of 64 KiB, each once, by its SHA-256.
 *
 * Content stays as long as it has an owner; {@link ContentStore.clean} removes the rest. Content is
 * streamed both ways, and every chunk read is verified. Calls may overlap, `clean` included.
 * After `close()` every method rejects with `DW_CONTENT_CLOSED`.
 */
@SdkCompatibility('6.0.0')
export class ContentStore implements AsyncDisposable {
  readonly #store: IPersistentBackingStore;
  readonly #parts: ContentStagerOptions;
  readonly #stager: ContentStager;
  readonly #reader: ContentReader;
  readonly #inFlight = new InFlight();
  readonly #cleaning = new KeyedMutex();
  #closing: Promise<void> | undefined;

  private constructor(options: ContentStoreOptions) {
    const { store, medium, maxContentBytes = 64 * 2 ** 30, hashThreadCount } = options;
    const layout = new ContentLayout(options.path ?? storePath('content'));
    const segments = medium && new ContentSegments(medium);
    this.#store = store;
    this.#parts = {
      ...{ store, layout, segments, maxContentBytes },
      chunks: new ContentChunks(store, layout, segments),
      pins: new ContentPins(),
      hasher: new ContentHasher(hashThreadCount),
      pool: new SlabPool(),
    };
    this.#stager = new ContentStager(this.#parts);
    this.#reader = new ContentReader(store, layout, this.#parts.chunks);
  }

  /**
   * Opens a content store.
   *
   * @throws {@link DwError} `DW_STORE_INVALID_PATH`.
   */
  static async open(options: ContentStoreOptions): Promise<ContentStore> {
    return new ContentStore(options);
  }

  /**
   * Takes content in. The chunks of large content are durable when this resolves; those of small
   * content (up to 256 KiB, or 32 KiB beside a medium) are in the operations.
   *
   * @throws {@link DwError} `DW_CONTENT_TOO_LARGE`, `DW_CONTENT_CLOSED`, or what the source or the
   *   store throws.
   */
  stage(
    source: Uint8Array | AsyncIterable<Uint8Array>,
    options: ContentStageOptions,
  ): Promise<StagedContent> {
    return this.#pinned((pins) => this.#stager.stage(source, options, pins));
  }

  /** Takes content in for an owner, durably. Throws what {@link stage} throws. */
  async put(
    source: Uint8Array | AsyncIterable<Uint8Array>,
    options: ContentStageOptions,
  ): Promise<PayloadReference> {
    using staged = await this.stage(source, options);
    await this.#store.batch(staged.operations, options.signal && { signal: options.signal });
    return staged.reference;
  }

  /**
   * Makes `owner` another owner of content that has one; for your batch. The other one must not
   * let go before the batch is done, unless in the same batch.
   *
   * @throws {@link DwError} `DW_CONTENT_BAD_REFERENCE`.
   */
  retain(reference: PayloadReference, owner: string): readonly BackingStoreOperation[] {
    this.#assertOpen();
    assertPayloadReference(reference);
    this.#parts.pins.touch(reference.digest);
    return this.#parts.layout.retain(reference, owner);
  }

  /**
   * Takes content from `owner`; for your batch.
   *
   * @throws {@link DwError} `DW_CONTENT_BAD_REFERENCE`.
   */
  release(reference: PayloadReference, owner: string): readonly BackingStoreOperation[] {
    this.#assertOpen();
    assertPayloadReference(reference);
    return this.#parts.layout.release(reference, owner);
  }

  /**
   * Reports whether content is here as a whole. Costs one lookup, whatever its size.
   *
   * @throws {@link DwError} `DW_CONTENT_BAD_REFERENCE`, `DW_CONTENT_CLOSED`.
   */
  async has(reference: PayloadReference): Promise<boolean> {
    this.#assertOpen();
    assertPayloadReference(reference);
    if (reference.sizeBytes === 0) return true;
    const chunk = onlyChunkOf(reference.digest);
    if (chunk !== undefined) return this.#parts.chunks.isPresent(chunk);
    return this.#store.exists(this.#parts.layout.list(reference.digest));
  }

  /**
   * Returns the digests of the content's chunks in order, lower-case hexadecimal.
   *
   * @throws {@link DwError} `DW_CONTENT_NOT_FOUND`, `DW_CONTENT_CORRUPT`,
   *   `DW_CONTENT_BAD_REFERENCE`, `DW_CONTENT_CLOSED`.
   */
  async chunkDigests(reference: PayloadReference): Promise<readonly string[]> {
    this.#assertOpen();
    return this.#reader.chunkDigests(reference);
  }

  /**
   * Yields a range of the content, every chunk verified.
   *
   * @param range - `start` inclusive, `end` exclusive; default: all.
   * @throws {@link DwError} `DW_CONTENT_NOT_FOUND`, `DW_CONTENT_CORRUPT` (its details name the chunk
   *   and the content), `DW_CONTENT_RANGE`, `DW_CONTENT_BAD_REFERENCE`, `DW_CONTENT_CLOSED`; all
   *   while it is read.
   */
  async *open(reference: PayloadReference, range: ContentRange = {}): AsyncGenerator<Uint8Array> {
    this.#assertOpen();
    for await (const piece of this.#reader.open(reference, range)) {
      this.#assertOpen();
      yield piece;
    }
  }

  /**
   * Reads one chunk, verified.
   *
   * @throws {@link DwError} `DW_CONTENT_NOT_FOUND`, `DW_CONTENT_CORRUPT`,
   *   `DW_CONTENT_BAD_REFERENCE`, `DW_CONTENT_CLOSED`.
   */
  async readChunk(digest: string): Promise<Uint8Array> {
    this.#assertOpen();
    assertChunkDigest(digest);
    return this.#reader.readChunk(digest);
  }

  /** Returns those of the digests that have no chunk here, in order, each once. */
  async missing(digests: readonly string[]): Promise<readonly string[]> {
    this.#assertOpen();
    for (const digest of digests) assertChunkDigest(digest);
    return this.#parts.chunks.missing(digests);
  }

  /**
   * Puts content together from chunks that are here and chunks that `fetch` brings. Each one is
   * verified, and so is the root.
   *
   * @param digests - Digests of all chunks, in order.
   * @throws {@link DwError} `DW_CONTENT_MISMATCH` (retryable), `DW_CONTENT_BAD_REFERENCE`,
   *   `DW_CONTENT_TOO_LARGE`, `DW_CONTENT_CLOSED`, or what `fetch` or the store throws.
   */
  assemble(
    reference: PayloadReference,
    digests: readonly string[],
    fetch: ContentFetch,
    options: ContentAssembleOptions,
  ): Promise<StagedContent> {
    return this.#pinned((pins) => this.#stager.assemble(reference, digests, fetch, options, pins));
  }

  /**
   * Tells whether two contents are equal, by as little reading as possible: root digests, then
   * lists of digests, then bytes.
   *
   * @throws {@link DwError} `DW_CONTENT_BAD_REFERENCE`, `DW_CONTENT_CLOSED`; `DW_CONTENT_NOT_FOUND`
   *   and `DW_CONTENT_CORRUPT` where the digests of stored content are needed.
   */
  async compare(
    a: ContentSide,
    b: ContentSide,
    options: ContentCompareOptions = {},
  ): Promise<ContentComparison> {
    this.#assertOpen();
    const comparer = new ContentComparer(this.#reader, this.#parts);
    return this.#inFlight.run(() => comparer.compare(a, b, options));
  }

  /**
   * Counts the owners of content.
   *
   * @throws {@link DwError} `DW_CONTENT_BAD_REFERENCE`, `DW_CONTENT_CLOSED`.
   */
  async ownerCount(reference: PayloadReference): Promise<number> {
    this.#assertOpen();
    assertPayloadReference(reference);
    let count = 0;
    const prefix = this.#parts.layout.ownersPrefix(reference.digest);
    for await (const path of this.#store.list(prefix)) if (path !== '') count += 1;
    return count;
  }

  /**
   * Removes content without an owner, and what interrupted stages have left. Interrupted itself,
   * it has lost nothing that is referred to, and goes on at the next call.
   */
  async clean(): Promise<ContentCleanUp> {
    this.#assertOpen();
    const { segments } = this.#parts;
    const clean = async (): Promise<ContentCleanUp> => {
      const removed = await new ContentCleaner(this.#parts).run();
      const reclaimedBytes =
        segments === undefined ? 0 : await new ContentSegmentCleaner(this.#parts, segments).run();
      return { ...removed, reclaimedBytes };
    };
    return this.#inFlight.run(() => this.#cleaning.run('clean', clean));
  }

  statistics(): ContentStoreStatistics {
    return this.#parts.chunks.statistics;
  }

  /** Refuses further calls, waits for those in flight, and closes the medium. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#inFlight.drain();
    await this.#parts.hasher.close();
    await this.#parts.segments?.medium.close();
  }

  async #pinned(
    work: (pins: PinSet) => Promise<Omit<StagedContent, keyof Disposable>>,
  ): Promise<StagedContent> {
    this.#assertOpen();
    const pins = this.#parts.pins.open();
    try {
      const staged = await this.#inFlight.run(() => work(pins));
      return {
        ...staged,
        [Symbol.dispose]: () => {
          pins[Symbol.dispose]();
        },
      };
    } catch (error) {
      pins[Symbol.dispose]();
      throw error;
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw contentError('DW_CONTENT_CLOSED');
  }
}
