import {
  type BackingStoreOperation,
  DwError,
  type IPersistentBackingStore,
  KeyedMutex,
  type Logger,
  type LogPosition,
  storePath,
  storePathSegments,
  storePrefix,
} from '@datawarehouse/sdk';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';
import { positionSchema } from './peer-messages.js';

/** How far this node has applied the log of each other node. Kept with the data that it applied. */
export class OriginPositions {
  readonly #store: IPersistentBackingStore;
  readonly #positions: Map<string, LogPosition>;
  readonly #lock = new KeyedMutex();

  private constructor(store: IPersistentBackingStore, positions: Map<string, LogPosition>) {
    this.#store = store;
    this.#positions = positions;
  }

  /** Loads all positions. A damaged one counts as none, which makes this node resynchronise. */
  static async open(store: IPersistentBackingStore, logger: Logger): Promise<OriginPositions> {
    const positions = new Map<string, LogPosition>();
    for await (const { path, data } of store.scan(storePrefix('replication', 'positions'))) {
      const origin = storePathSegments(path).at(-1) ?? '';
      try {
        positions.set(origin, decodeStored(path, data, positionSchema));
      } catch (error) {
        if (!DwError.is(error, 'DW_REPLICATION_RECORD_CORRUPT')) throw error;
        logger.error({ error, origin }, 'a position is damaged; resynchronising');
      }
    }
    return new OriginPositions(store, positions);
  }

  get(origin: string): LogPosition | undefined {
    return this.#positions.get(origin);
  }

  /** Runs `work` while nobody else moves the position in the log of `origin`. */
  exclusive<T>(origin: string, work: () => Promise<T>): Promise<T> {
    return this.#lock.run(origin, work);
  }

  /** The change that stores a position; {@link note} it when the batch is durable. */
  operation(origin: string, position: LogPosition): BackingStoreOperation {
    return { type: 'write', path: pathOf(origin), data: encodeStored(position) };
  }

  note(origin: string, position: LogPosition): void {
    this.#positions.set(origin, position);
  }

  /** Forgets a node: if it comes back, this node resynchronises with it. */
  async remove(origin: string): Promise<void> {
    this.#positions.delete(origin);
    await this.#store.delete(pathOf(origin));
  }
}

function pathOf(origin: string): string {
  return storePath('replication', 'positions', origin);
}
