import {
  type BackingStoreOperation,
  type Clock,
  type DwError,
  type IPersistentBackingStore,
  sequenceSegment,
  storePath,
  storePrefix,
} from '@datawarehouse/sdk';
import { encodeStored } from '../persistence/stored-json.js';

/** An event of another node that could not be applied. */
export interface DeadLetter {
  readonly sequence: number;
  readonly error: DwError;
  /** The event as it came. */
  readonly data: Uint8Array;
}

/** What a {@link DeadLetters} works with. */
export interface DeadLettersOptions {
  readonly store: IPersistentBackingStore;
  readonly clock: Clock;
  /**
   * Most letters kept of one node; the oldest go.
   * @defaultValue 1000
   */
  readonly maxLetters?: number;
}

/** Longest part of an event that is kept. */
const maxDataBytes = 16_384;

/** Keeps what could not be applied, with the reason, so that nothing is passed over in silence. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** The changes that keep letters, for the batch that moves past their events. */
  async operations(
    origin: string,
    epoch: string,
    letters: readonly DeadLetter[],
  ): Promise<readonly BackingStoreOperation[]> {
    if (letters.length === 0) return [];
    const { store, clock, maxLetters = 1_000 } = this.#options;
    const kept: string[] = [];
    for await (const path of store.list(storePrefix('replication', 'dead-letters', origin))) {
      kept.push(path);
    }
    const excess = Math.max(0, kept.length + letters.length - maxLetters);
    const drops = kept.slice(0, excess).map((path) => ({ type: 'delete' as const, path }));
    const writes = letters.slice(-maxLetters).map(({ sequence, error, data }) => ({
      type: 'write' as const,
      path: storePath('replication', 'dead-letters', origin, sequenceSegment(sequence)),
      data: encodeStored({
        v: 1,
        epoch,
        sequence,
        code: error.code,
        reason: error.message,
        keptAtMs: clock.now(),
        dataBase64: Buffer.from(data.subarray(0, maxDataBytes)).toString('base64'),
        isWhole: data.byteLength <= maxDataBytes,
      }),
    }));
    return [...drops, ...writes];
  }
}
