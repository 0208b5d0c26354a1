import { randomUUID } from 'node:crypto';
import {
  type BackingStoreOperation,
  type IPersistentBackingStore,
  storePath,
  storePrefix,
} from '@datawarehouse/sdk';

const flushCount = 500;

/**
 * Remembers where things are in a bundle, on disk: a bundle may hold more chunks than fit memory.
 * Lost with the process; {@link BundleIndex.removeAll} clears away what one has left.
 */
export class BundleIndex implements AsyncDisposable {
  readonly #store: IPersistentBackingStore;
  readonly #id = randomUUID();
  /** Not written yet. */
  readonly #pending = new Map<string, Buffer>();

  constructor(store: IPersistentBackingStore) {
    this.#store = store;
  }

  /** Removes what earlier processes have left. */
  static async removeAll(store: IPersistentBackingStore): Promise<void> {
    await removeBelow(store, storePrefix('replication', 'bundles', 'index'));
  }

  /** The places of a name, in the order they were added; none where it is unknown. */
  async places(name: string): Promise<readonly number[]> {
    const data = await this.#read(name);
    const places: number[] = [];
    for (let at = 0; at + 8 <= (data?.length ?? 0); at += 8)
      places.push(data?.readDoubleBE(at) ?? 0);
    return places;
  }

  async has(name: string): Promise<boolean> {
    return this.#pending.has(name) || this.#store.exists(this.#path(name));
  }

  /** Adds a place of a name. */
  async add(name: string, place: number): Promise<void> {
    const data = Buffer.allocUnsafe(8);
    data.writeDoubleBE(place, 0);
    const before = await this.#read(name);
    this.#pending.set(name, before === undefined ? data : Buffer.concat([before, data]));
    if (this.#pending.size >= flushCount) await this.#flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pending.clear();
    await removeBelow(this.#store, storePrefix('replication', 'bundles', 'index', this.#id));
  }

  async #read(name: string): Promise<Buffer | undefined> {
    const pending = this.#pending.get(name);
    if (pending !== undefined) return pending;
    const data = await this.#store.read(this.#path(name));
    return data && Buffer.from(data);
  }

  async #flush(): Promise<void> {
    const operations = [...this.#pending].map(
      ([name, data]): BackingStoreOperation => ({ type: 'write', path: this.#path(name), data }),
    );
    await this.#store.batch(operations, { durability: 'memory' });
    this.#pending.clear();
  }

  #path(name: string): string {
    return storePath('replication', 'bundles', 'index', this.#id, name);
  }
}

async function removeBelow(store: IPersistentBackingStore, prefix: string): Promise<void> {
  for (;;) {
    const operations: BackingStoreOperation[] = [];
    for await (const path of store.list(prefix, { limit: 1_000 })) {
      operations.push({ type: 'delete', path });
    }
    if (operations.length === 0) return;
    await store.batch(operations, { durability: 'memory' });
  }
}
