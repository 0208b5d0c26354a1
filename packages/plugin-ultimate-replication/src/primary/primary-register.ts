import {
  DwError,
  type IPersistentBackingStore,
  KeyedMutex,
  type Logger,
  NODE_ID_PATTERN,
  storePath,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';

/** A node that is the primary, for one term. */
export interface Primary {
  /** Grows with every promotion. Of two primaries the one with the greater term is. */
  readonly term: number;
  readonly nodeId: string;
}

/** A primary in messages and stored records. */
export const primarySchema = z.object({
  term: z.int().min(1),
  nodeId: z.string().regex(NODE_ID_PATTERN),
});

const path = storePath('replication', 'primary');

/** Which node is the primary, as far as this node knows. Kept over restarts. */
export class PrimaryRegister {
  readonly #store: IPersistentBackingStore;
  readonly #changes = new KeyedMutex();
  #current: Primary | undefined;

  private constructor(store: IPersistentBackingStore, current: Primary | undefined) {
    this.#store = store;
    this.#current = current;
  }

  /** Loads the primary. A damaged record counts as none: another node tells it again. */
  static async open(store: IPersistentBackingStore, logger: Logger): Promise<PrimaryRegister> {
    const data = await store.read(path);
    try {
      return new PrimaryRegister(store, data && decodeStored(path, data, primarySchema));
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_RECORD_CORRUPT')) throw error;
      logger.error({ error }, 'the record of the primary is damaged');
      return new PrimaryRegister(store, undefined);
    }
  }

  get current(): Primary | undefined {
    return this.#current;
  }

  /** Makes a node the primary of the next term. */
  promote(nodeId: string): Promise<Primary> {
    return this.#changes.run('primary', () =>
      this.#set({ term: (this.#current?.term ?? 0) + 1, nodeId }),
    );
  }

  /** Takes over what another node knows, where that is later. @returns Whether it was. */
  learn(primary: Primary): Promise<boolean> {
    return this.#changes.run('primary', async () => {
      if (this.#current !== undefined && comparePrimaries(primary, this.#current) <= 0)
        return false;
      await this.#set(primary);
      return true;
    });
  }

  async #set(primary: Primary): Promise<Primary> {
    await this.#store.batch([{ type: 'write', path, data: encodeStored(primary) }]);
    this.#current = primary;
    return primary;
  }
}

/** Two nodes promoted in one term by operators who could not see one another: the greater id is. */
function comparePrimaries(a: Primary, b: Primary): number {
  if (a.term !== b.term) return a.term - b.term;
  if (a.nodeId === b.nodeId) return 0;
  return a.nodeId < b.nodeId ? -1 : 1;
}
