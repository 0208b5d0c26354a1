import type {
  BackingStoreOperation,
  BackingStoreWriteOptions,
  IPersistentBackingStore,
} from '../../persistence/persistent-backing-store.js';
import type { Clock } from '../../plugin/clock.js';
import type { CacheChange } from './cache-change.js';

/** Paths that one batch removes, when everything is removed. */
const clearPageSize = 1_000;

/**
 * Failures one after another that mean that the store is down, rather than that it refuses one
 * change: more than it takes to halve the largest batch down to one.
 */
const maxFailuresInARow = 10;

/** Most changes in a batch. */
export const MAX_BATCH_CHANGES = 256;

/** A change that the writer is told to make. */
export interface WritableChange {
  readonly change: CacheChange<unknown, unknown>;
}

/** Told what became of the changes. */
export interface WriteOutcome<T> {
  readonly onStored: (changes: readonly T[]) => void;
  readonly onFailed: (changes: readonly T[], error: unknown) => void;
}

/** Brings changes to a store, in batches. */
export class CacheStoreWriter {
  readonly #store: IPersistentBackingStore;
  readonly #prefix: string;
  readonly #clock: Clock;
  readonly #options: BackingStoreWriteOptions;

  /** @param prefix - Below which everything belongs to the cache. */
  constructor(
    store: IPersistentBackingStore,
    prefix: string,
    options: BackingStoreWriteOptions & { readonly clock: Clock },
  ) {
    const { clock, ...writeOptions } = options;
    this.#store = store;
    this.#prefix = prefix;
    this.#clock = clock;
    this.#options = writeOptions;
  }

  /**
   * Writes at most {@link MAX_BATCH_CHANGES} changes, in one batch. Where it fails it is halved, so
   * that a change that the store refuses keeps back no other. Each change is told of once.
   */
  async write<T extends WritableChange>(
    changes: readonly T[],
    outcome: WriteOutcome<T>,
  ): Promise<void> {
    const parts = [changes];
    let failuresInARow = 0;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      try {
        await this.#store.batch(part.map(this.#operation), this.#options);
      } catch (error) {
        failuresInARow += 1;
        const isDown = failuresInARow > maxFailuresInARow;
        if (isDown || part.length === 1) outcome.onFailed(part, error);
        else parts.push(...halves(part).reverse());
        if (!isDown) continue;
        outcome.onFailed(parts.flat(), error);
        return;
      }
      failuresInARow = 0;
      outcome.onStored(part);
    }
  }

  /** Removes everything below the prefix. */
  async clear(): Promise<void> {
    for (;;) {
      const operations: BackingStoreOperation[] = [];
      for await (const path of this.#store.list(this.#prefix, { limit: clearPageSize })) {
        operations.push({ type: 'delete', path });
      }
      if (operations.length > 0) await this.#store.batch(operations, this.#options);
      if (operations.length < clearPageSize) return;
    }
  }

  readonly #operation = ({ change }: WritableChange): BackingStoreOperation => {
    const { path, data, expiresAtMs } = change;
    // What expired on its way need not arrive, but what it replaces has to go.
    if (data === undefined || expiresAtMs <= this.#clock.now()) return { type: 'delete', path };
    return { type: 'write', path, data };
  };
}

function halves<T>(changes: readonly T[]): (readonly T[])[] {
  const middle = changes.length >>> 1;
  return [changes.slice(0, middle), changes.slice(middle)];
}
