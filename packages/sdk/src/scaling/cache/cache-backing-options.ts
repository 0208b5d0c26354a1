import type {
  Durability,
  IPersistentBackingStore,
} from '../../persistence/persistent-backing-store.js';
import type { Clock } from '../../plugin/clock.js';
import type { CacheWriteCounts } from './cache-backlog.js';
import type { CacheCodecOptions } from './cache-value-codec.js';

/** Where a cache gets what it does not hold, and where what is put into it stays. */
export interface CacheBackingOptions<K, V> extends CacheCodecOptions<V> {
  /**
   * Keeps what is put into the cache, and has what was evicted. Not closed with the cache. Between
   * two openings nobody else may write below {@link backingStorePath}, and no two caches at a time.
   */
  readonly backingStore?: IPersistentBackingStore;
  /**
   * Path below which everything belongs to this cache, such as `dw://cache/<plugin>/<store>/`.
   * Needed with a store.
   */
  readonly backingStorePath?: string;
  /**
   * Text of a key, different for different keys. Default: text as it is, numbers and bigints as they
   * are written, so that `1` and `'1'` are one key; others are refused.
   */
  readonly keyToString?: (key: K) => string;
  /**
   * Whether `put` and `remove` wait until the store has the change. Otherwise they wait for room in
   * the backlog alone, and the store follows.
   * @defaultValue false
   */
  readonly writeThrough?: boolean;
  /**
   * What a change survives once the store has it.
   * @defaultValue the strongest that the store has
   */
  readonly durability?: Durability;
  /**
   * Most changes that may wait for the store; at least 1.
   * @defaultValue 10000
   */
  readonly maxPendingWrites?: number;
  /**
   * Most bytes of changes that may wait for the store; at least 1. A larger change goes alone.
   * @defaultValue 16777216
   */
  readonly maxPendingBytes?: number;
  /** Fetches what neither the cache nor the store has; what it brings is kept in both. */
  readonly loader?: (key: K, signal?: AbortSignal) => Promise<V | undefined>;
  /**
   * How long a key that was looked for and not found counts as absent without another look, in
   * milliseconds; of such keys the latest 10 000 are known.
   * @defaultValue 0
   */
  readonly absentTtlMs?: number;
  readonly clock?: Clock;
}

/** What the store and the loads of a cache have done. */
export interface CacheBackingStatistics extends CacheWriteCounts {
  /** Loads begun; callers that joined one are not counted again. */
  readonly loads: number;
  /** Loads that were answered from what is known to be absent. */
  readonly absentHits: number;
  /** Stored values that could not be read back. */
  readonly decodeFailures: number;
}
