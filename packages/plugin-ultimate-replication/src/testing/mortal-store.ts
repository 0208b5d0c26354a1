import {
  type BackingStoreEntry,
  type BackingStoreListOptions,
  type BackingStoreOperation,
  type BackingStoreWriteOptions,
  type IPersistentBackingStore,
  storeError,
} from '@datawarehouse/sdk';

/** A store as a process sees it that may be killed: from then on nothing reaches the medium. */
export class MortalStore implements IPersistentBackingStore {
  readonly #medium: IPersistentBackingStore;
  #isDead = false;
  /** Batches still let through; the process is killed before the one after. */
  batchesUntilDeath = Infinity;
  onDeath: () => void = () => undefined;
  /** Called before each batch. */
  onBatch: (operations: readonly BackingStoreOperation[]) => void = () => undefined;

  constructor(medium: IPersistentBackingStore) {
    this.#medium = medium;
  }

  get capabilities() {
    return this.#medium.capabilities;
  }

  kill(): void {
    this.#isDead = true;
    this.onDeath();
  }

  async read(path: string) {
    return this.#alive().read(path);
  }

  async write(path: string, data: Uint8Array, options?: BackingStoreWriteOptions) {
    await this.batch([{ type: 'write', path, data }], options);
  }

  async delete(path: string, options?: BackingStoreWriteOptions) {
    await this.batch([{ type: 'delete', path }], options);
  }

  async exists(path: string) {
    return this.#alive().exists(path);
  }

  async *list(prefix: string, options?: BackingStoreListOptions): AsyncGenerator<string> {
    yield* this.#alive().list(prefix, options);
  }

  async *scan(
    prefix: string,
    options?: BackingStoreListOptions,
  ): AsyncGenerator<BackingStoreEntry> {
    yield* this.#alive().scan(prefix, options);
  }

  async batch(operations: readonly BackingStoreOperation[], options?: BackingStoreWriteOptions) {
    this.onBatch(operations);
    if (!this.#isDead && this.batchesUntilDeath <= 0) this.kill();
    this.batchesUntilDeath -= 1;
    await this.#alive().batch(operations, options);
  }

  async close(): Promise<void> {
    // The medium outlives the process.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #alive(): IPersistentBackingStore {
    if (this.#isDead) throw storeError('DW_STORE_CLOSED');
    return this.#medium;
  }
}
