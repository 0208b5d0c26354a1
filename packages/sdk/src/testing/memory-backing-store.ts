import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { storeError } from '../errors/store-errors.js';
import type {
  BackingStoreCallOptions,
  BackingStoreCapabilities,
  BackingStoreEntry,
  BackingStoreListOptions,
  BackingStoreOperation,
  BackingStoreWriteOptions,
  IPersistentBackingStore,
} from '../persistence/persistent-backing-store.js';
import { assertStorePath, compareStorePaths } from '../persistence/store-path.js';

/** The whole contract of a store in memory, for tests. Nothing outlives the object. */
@SdkCompatibility('6.0.0')
export class MemoryBackingStore implements IPersistentBackingStore {
  readonly capabilities: BackingStoreCapabilities = Object.freeze({ durability: 'memory' });
  readonly #entries = new Map<string, Uint8Array>();
  /** The paths in order, kept so because logs list after every write. */
  readonly #paths: string[] = [];
  #isClosed = false;

  async read(path: string, options?: BackingStoreCallOptions): Promise<Uint8Array | undefined> {
    this.#assertUsable(path, options);
    const data = this.#entries.get(path);
    return data && new Uint8Array(data);
  }

  async write(path: string, data: Uint8Array, options?: BackingStoreWriteOptions): Promise<void> {
    await this.batch([{ type: 'write', path, data }], options);
  }

  async delete(path: string, options?: BackingStoreWriteOptions): Promise<void> {
    await this.batch([{ type: 'delete', path }], options);
  }

  async exists(path: string, options?: BackingStoreCallOptions): Promise<boolean> {
    this.#assertUsable(path, options);
    return this.#entries.has(path);
  }

  async existsMany(
    paths: readonly string[],
    options?: BackingStoreCallOptions,
  ): Promise<readonly boolean[]> {
    this.#assertUsable('dw://', options);
    for (const path of paths) assertStorePath(path);
    return paths.map((path) => this.#entries.has(path));
  }

  async *list(prefix: string, options?: BackingStoreListOptions): AsyncGenerator<string> {
    this.#assertUsable(prefix, options);
    for (const path of this.#select(prefix, options)) {
      this.#assertUsable(prefix, options);
      yield path;
    }
  }

  async *scan(
    prefix: string,
    options?: BackingStoreListOptions,
  ): AsyncGenerator<BackingStoreEntry> {
    this.#assertUsable(prefix, options);
    for (const path of this.#select(prefix, options)) {
      this.#assertUsable(prefix, options);
      const data = this.#entries.get(path);
      if (data !== undefined) yield { path, data: new Uint8Array(data) };
    }
  }

  async batch(
    operations: readonly BackingStoreOperation[],
    options?: BackingStoreWriteOptions,
  ): Promise<void> {
    this.#assertUsable('dw://', options);
    for (const { path } of operations) assertStorePath(path);
    for (const operation of operations) {
      if (operation.type === 'write') this.#put(operation.path, operation.data);
      else this.#remove(operation.path);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#entries.clear();
    this.#paths.length = 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #put(path: string, data: Uint8Array): void {
    if (!this.#entries.has(path)) this.#paths.splice(this.#positionOf(path), 0, path);
    this.#entries.set(path, new Uint8Array(data));
  }

  #remove(path: string): void {
    if (this.#entries.delete(path)) this.#paths.splice(this.#positionOf(path), 1);
  }

  #select(prefix: string, options: BackingStoreListOptions = {}): readonly string[] {
    const { after, limit = Number.POSITIVE_INFINITY, reverse = false } = options;
    let from = this.#position((path) => compareStorePaths(path, prefix) >= 0);
    let to = this.#position((path) => !path.startsWith(prefix), from);
    if (after !== undefined) {
      const at = this.#positionOf(after);
      if (reverse) to = Math.min(to, at);
      else from = Math.max(from, this.#paths[at] === after ? at + 1 : at);
    }
    const paths = this.#paths.slice(
      reverse ? Math.max(from, to - limit) : from,
      reverse ? to : Math.min(to, from + limit),
    );
    return reverse ? paths.reverse() : paths;
  }

  #positionOf(path: string): number {
    return this.#position((other) => compareStorePaths(other, path) >= 0);
  }

  /** Index of the first path at or behind `low` that passes, where all behind it pass too. */
  #position(passes: (path: string) => boolean, low = 0): number {
    let high = this.#paths.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (passes(this.#paths[middle] ?? '')) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #assertUsable(path: string, options: BackingStoreCallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#isClosed) throw storeError('DW_STORE_CLOSED', { details: { path } });
    assertStorePath(path);
  }
}
