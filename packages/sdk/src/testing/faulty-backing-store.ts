import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { storeError } from '../errors/store-errors.js';
import { existsMany } from '../persistence/exists-many.js';
import type {
  BackingStoreCallOptions,
  BackingStoreCapabilities,
  BackingStoreEntry,
  BackingStoreListOptions,
  BackingStoreOperation,
  BackingStoreWriteOptions,
  IPersistentBackingStore,
} from '../persistence/persistent-backing-store.js';

/** How {@link FaultyBackingStore.failWrites} fails. */
export interface WriteFaultOptions {
  /**
   * How many calls fail.
   * @defaultValue 1
   */
  readonly times?: number;
  /**
   * Whether the change happens all the same, as when an answer is lost.
   * @defaultValue false
   */
  readonly isApplied?: boolean;
}

interface WriteFault {
  readonly error: Error;
  readonly isApplied: boolean;
}

/** Passes everything on to a store, but fails and holds back calls when a test says so. */
@SdkCompatibility('6.0.0')
export class FaultyBackingStore implements IPersistentBackingStore {
  readonly #inner: IPersistentBackingStore;
  readonly #batches: (readonly BackingStoreOperation[])[] = [];
  readonly #faults: WriteFault[] = [];
  readonly #damaged = new Set<string>();
  #gate: Promise<void> | undefined;

  /** @param inner - Store that does the work; closed with this one. */
  constructor(inner: IPersistentBackingStore) {
    this.#inner = inner;
  }

  get capabilities(): BackingStoreCapabilities {
    return this.#inner.capabilities;
  }

  /** Every write so far, single ones as batches of one, failed ones too. */
  get batches(): readonly (readonly BackingStoreOperation[])[] {
    return this.#batches;
  }

  /** Makes the next writes, deletions and batches reject. */
  failWrites(error: Error, options: WriteFaultOptions = {}): void {
    const { times = 1, isApplied = false } = options;
    for (let index = 0; index < times; index += 1) this.#faults.push({ error, isApplied });
  }

  /** Makes whoever reads or scans `path` meet `DW_STORE_CORRUPT`, until it is written again. */
  damage(path: string): void {
    this.#damaged.add(path);
  }

  /** Makes writes wait until disposed. */
  holdWrites(): Disposable {
    let release: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      release = resolve;
    });
    return {
      [Symbol.dispose]: () => {
        this.#gate = undefined;
        release();
      },
    };
  }

  async read(path: string, options?: BackingStoreCallOptions): Promise<Uint8Array | undefined> {
    const data = await this.#inner.read(path, options);
    this.#assertIntact(path);
    return data;
  }

  exists(path: string, options?: BackingStoreCallOptions): Promise<boolean> {
    return this.#inner.exists(path, options);
  }

  existsMany(
    paths: readonly string[],
    options?: BackingStoreCallOptions,
  ): Promise<readonly boolean[]> {
    return existsMany(this.#inner, paths, options);
  }

  list(prefix: string, options?: BackingStoreListOptions): AsyncIterable<string> {
    return this.#inner.list(prefix, options);
  }

  async *scan(
    prefix: string,
    options?: BackingStoreListOptions,
  ): AsyncGenerator<BackingStoreEntry> {
    for await (const entry of this.#inner.scan(prefix, options)) {
      this.#assertIntact(entry.path);
      yield entry;
    }
  }

  write(path: string, data: Uint8Array, options?: BackingStoreWriteOptions): Promise<void> {
    return this.batch([{ type: 'write', path, data }], options);
  }

  delete(path: string, options?: BackingStoreWriteOptions): Promise<void> {
    return this.batch([{ type: 'delete', path }], options);
  }

  async batch(
    operations: readonly BackingStoreOperation[],
    options?: BackingStoreWriteOptions,
  ): Promise<void> {
    this.#batches.push(operations);
    const fault = this.#faults.shift();
    if (this.#gate !== undefined) await this.#gate;
    if (fault === undefined || fault.isApplied) {
      await this.#inner.batch(operations, options);
      for (const { path } of operations) this.#damaged.delete(path);
    }
    if (fault !== undefined) throw fault.error;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertIntact(path: string): void {
    if (this.#damaged.has(path)) throw storeError('DW_STORE_CORRUPT', { details: { path } });
  }
}
