import type { CacheBackingOptions, CacheBackingStatistics } from './cache/cache-backing-options.js';
import type { EvictionPolicyName } from './eviction/eviction-policy.js';

/** What of a {@link BoundedCache} can be changed while it is in use. */
export interface CacheReconfiguration {
  /**
   * Most entries, 1 to 16 777 216.
   * @defaultValue 10000
   */
  readonly maxEntries?: number;
  /**
   * Most bytes: those of all entries by `sizeOf`, and what the cache itself needs for each.
   * `Infinity` means no limit.
   * @defaultValue no limit
   */
  readonly maxBytes?: number;
  /**
   * Milliseconds that a value stays, unless told otherwise at `set`; holds for what is set from
   * then on. `Infinity` means no limit.
   * @defaultValue no limit
   */
  readonly defaultTtlMs?: number;
  /**
   * Which entry goes when room is needed. `LRU`: the least recently used. `TTL`: the one that
   * expires first, then the one set first. `ARC`: balances what was used lately and what is used
   * often; remembers as many keys again. `W-TinyLFU`: keeps what is used often; most hits for most
   * loads.
   * @defaultValue 'LRU'
   */
  readonly eviction?: EvictionPolicyName;
  /**
   * Takes no more bytes than a share of the memory that this process may use: of what a container
   * allows, of V8's heap limit, or of what is free, whichever is least now.
   * @defaultValue false
   */
  readonly autoSizeFromRam?: boolean;
  /**
   * That share, 0.001 to 0.5; what is outside counts as the nearer end.
   * @defaultValue 0.1
   */
  readonly ramPercentage?: number;
}

/** Size, bounds and sources of a {@link BoundedCache}. */
export interface BoundedCacheOptions<K, V> extends CacheReconfiguration, CacheBackingOptions<K, V> {
  /**
   * Bytes of an entry, at least 0. Default: of the key and the value as they would be encoded,
   * counted while there is a limit of bytes: text as UTF-8, bytes as they are, others as JSON.
   */
  readonly sizeOf?: (value: V, key: K) => number;
  /**
   * Watches requests from the start for {@link BoundedCache.estimate}; at most 512 KiB.
   * @defaultValue false
   */
  readonly estimates?: boolean;
  /**
   * At least 0, less than 1; seeds the hashes that must not be guessed.
   * @defaultValue Math.random
   */
  readonly random?: () => number;
}

/** The options that a {@link BoundedCache} works by now. */
export type ResolvedCacheOptions = Required<CacheReconfiguration> & { readonly estimates: boolean };

/** What a {@link BoundedCache} holds and has done. */
export interface BoundedCacheStatistics {
  readonly itemCount: number;
  /** Bytes of the entries and of what the cache needs for them. Sizes count once there is a limit of bytes, or `sizeOf`. */
  readonly totalBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly expiredEntries: number;
  /** hits / (hits + misses), 0 when there were none. */
  readonly hitRatio: number;
  /** What the store and the loads have done; only with a store or a loader. */
  readonly backing?: CacheBackingStatistics;
}

/** An entry left the cache without being asked to. */
export interface CacheEviction<K, V> {
  readonly key: K;
  readonly value: V;
  readonly reason: 'evicted' | 'expired';
}
