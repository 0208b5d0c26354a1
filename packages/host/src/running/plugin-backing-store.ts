import {
  type BackingStoreCallOptions,
  type BackingStoreCapabilities,
  type BackingStoreEntry,
  type BackingStoreListOptions,
  type BackingStoreOperation,
  type BackingStoreWriteOptions,
  existsMany,
  type IPersistentBackingStore,
  storeError,
} from '@datawarehouse/sdk';

/** The node's store as one plugin sees it: closing it, as the host does at the end, closes the view. */
export class PluginBackingStore implements IPersistentBackingStore {
  readonly capabilities: BackingStoreCapabilities;
  readonly #store: IPersistentBackingStore;
  #isClosed = false;

  constructor(store: IPersistentBackingStore) {
    this.#store = store;
    this.capabilities = store.capabilities;
  }

  async read(path: string, options?: BackingStoreCallOptions): Promise<Uint8Array | undefined> {
    return this.#open().read(path, options);
  }

  async exists(path: string, options?: BackingStoreCallOptions): Promise<boolean> {
    return this.#open().exists(path, options);
  }

  async existsMany(
    paths: readonly string[],
    options?: BackingStoreCallOptions,
  ): Promise<readonly boolean[]> {
    return existsMany(this.#open(), paths, options);
  }

  async write(path: string, data: Uint8Array, options?: BackingStoreWriteOptions): Promise<void> {
    await this.#open().write(path, data, options);
  }

  async delete(path: string, options?: BackingStoreWriteOptions): Promise<void> {
    await this.#open().delete(path, options);
  }

  async batch(
    operations: readonly BackingStoreOperation[],
    options?: BackingStoreWriteOptions,
  ): Promise<void> {
    await this.#open().batch(operations, options);
  }

  async *list(prefix: string, options?: BackingStoreListOptions): AsyncGenerator<string> {
    for await (const path of this.#open().list(prefix, options)) {
      this.#open();
      yield path;
    }
  }

  async *scan(
    prefix: string,
    options?: BackingStoreListOptions,
  ): AsyncGenerator<BackingStoreEntry> {
    for await (const entry of this.#open().scan(prefix, options)) {
      this.#open();
      yield entry;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(): IPersistentBackingStore {
    if (this.#isClosed) throw storeError('DW_STORE_CLOSED');
    return this.#store;
  }
}
