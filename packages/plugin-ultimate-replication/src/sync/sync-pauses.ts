import { type IPersistentBackingStore, storePath } from '@datawarehouse/sdk';
import { z } from 'zod';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';

const path = storePath('replication', 'pauses');
const schema = z.object({ v: z.literal(1), nodeIds: z.array(z.string()) });

/** The nodes with which nothing is synchronised until an operator says so. Kept over restarts. */
export class SyncPauses {
  readonly #store: IPersistentBackingStore;
  readonly #nodeIds: Set<string>;
  /** Called after each change. */
  onDidChange: (nodeId: string) => void = () => undefined;

  private constructor(store: IPersistentBackingStore, nodeIds: readonly string[]) {
    this.#store = store;
    this.#nodeIds = new Set(nodeIds);
  }

  static async open(store: IPersistentBackingStore): Promise<SyncPauses> {
    const data = await store.read(path);
    return new SyncPauses(
      store,
      data === undefined ? [] : decodeStored(path, data, schema).nodeIds,
    );
  }

  has(nodeId: string): boolean {
    return this.#nodeIds.has(nodeId);
  }

  /** Pauses a node, or ends that. Resolves when it is durable. */
  async set(nodeId: string, isPaused: boolean): Promise<void> {
    const nodeIds = new Set(this.#nodeIds);
    if (isPaused) nodeIds.add(nodeId);
    else nodeIds.delete(nodeId);
    await this.#store.write(path, encodeStored({ v: 1, nodeIds: [...nodeIds] }));
    if (isPaused) this.#nodeIds.add(nodeId);
    else this.#nodeIds.delete(nodeId);
    this.onDidChange(nodeId);
  }
}
