import type { Clock } from '../plugin/clock.js';

/** Size, bounds and sources of a {@link BoundedCache}. */
export interface BoundedCacheOptions<K, V> {
  /**
   * Most entries, 1 to 16 777 216.
   * @defaultValue 10000
   */
  readonly maxEntries?: number;
  /** Most bytes, by `sizeOf`. Default: no limit. */
  readonly maxBytes?: number;
  /** Bytes of a value, at least 0. Default: the length of bytes and text, otherwise 0. */
  readonly sizeOf?: (value: V, key: K) => number;
  /** Milliseconds that a value stays, unless told otherwise at `set`. Default: no limit. */
  readonly defaultTtlMs?: number;
  /** Fetches what {@link BoundedCache.load} does not find. */
  readonly loader?: (key: K, signal?: AbortSignal) => Promise<V | undefined>;
  readonly clock?: Clock;
  /**
   * Which entry goes when room is needed: the least recently used, or the oldest.
   * @defaultValue 'LRU'
   */
  readonly eviction?: 'LRU' | 'TTL';
}

/** What a {@link BoundedCache} holds and has done. */
export interface BoundedCacheStatistics {
  readonly itemCount: number;
  readonly totalBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly expiredEntries: number;
  /** hits / (hits + misses), 0 when there were none. */
  readonly hitRatio: number;
}

/** An entry left the cache without being asked to. */
export interface CacheEviction<K, V> {
  readonly key: K;
  readonly value: V;
  readonly reason: 'evicted' | 'expired';
}
