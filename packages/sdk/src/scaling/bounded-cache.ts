import { LRUCache } from 'lru-cache';
import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { Listeners } from '../concurrency/listeners.js';
import { scalingError } from '../errors/scaling-errors.js';
import { type Clock, systemClock } from '../plugin/clock.js';
import { PendingLoads } from './pending-loads.js';
import { MAX_CACHE_ENTRIES } from './scaling-limits.js';

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

interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
  /** Monotonic time after which the value counts as absent. */
  readonly expiresAtMs: number;
}

/**
 * A map with limits by entries and bytes that change while it is in use.
 *
 * Nothing is preallocated: an empty cache costs the same at any limit. Expired entries are absent
 * to every reader, and are removed when met or when room is needed. Listeners are called after the
 * cache is whole again.
 */
@SdkCompatibility('6.0.0')
export class BoundedCache<K extends NonNullable<unknown>, V extends NonNullable<unknown>>
  implements AsyncDisposable
{
  // Sizes count entries: lru-cache cannot change its limits, so they are kept here.
  readonly #entries = new LRUCache<K, Entry<V>>({
    maxSize: Number.MAX_SAFE_INTEGER,
  });
  readonly #evictions = new Listeners<CacheEviction<K, V>>('onDidEvict');
  readonly #loads: PendingLoads<K, V>;
  readonly #sizeOf: (value: V, key: K) => number;
  readonly #clock: Clock;
  readonly #keepsOrder: boolean;
  #maxEntries = 10_000;
  #maxBytes = Number.MAX_SAFE_INTEGER;
  #defaultTtlMs: number | undefined;
  #totalBytes = 0;
  #hits = 0;
  #misses = 0;
  #evicted = 0;
  #expired = 0;
  /** Whether a value with a limited life was ever set. */
  #mayExpire = false;
  #isClosed = false;

  constructor(options: BoundedCacheOptions<K, V> = {}) {
    const { loader = async () => undefined } = options;
    this.#loads = new PendingLoads(loader, (key, value) => this.set(key, value));
    this.#sizeOf = options.sizeOf ?? encodedLength;
    this.#clock = options.clock ?? systemClock;
    this.#keepsOrder = options.eviction === 'TTL';
    this.reconfigure(options);
  }

  /** Entries that are present, expired ones that nobody has met yet among them. */
  get size(): number {
    this.#dropExpired();
    return this.#entries.size;
  }

  /** Reads a value, counts a hit or a miss, and makes it the most recent. */
  get(key: K): V | undefined {
    const entry = this.#live(key, !this.#keepsOrder);
    if (entry === undefined) this.#misses += 1;
    else this.#hits += 1;
    return entry?.value;
  }

  /** Reads a value without counting or changing anything. */
  peek(key: K): V | undefined {
    return this.#live(key, false)?.value;
  }

  /** Reports whether a value is present, without counting or changing anything. */
  has(key: K): boolean {
    return this.#live(key, false) !== undefined;
  }

  /**
   * Puts a value. One that is larger than `maxBytes` alone is not kept.
   *
   * @throws {@link DwError} `DW_CACHE_CLOSED`.
   */
  set(key: K, value: V, options: { readonly ttlMs?: number } = {}): this {
    if (this.#isClosed) throw scalingError('DW_CACHE_CLOSED');
    this.#loads.forget(key);
    const bytes = this.#sizeOf(value, key);
    if (!(bytes >= 0)) throw new TypeError('sizeOf must return a number of at least 0');
    this.#remove(key);
    const ttlMs = options.ttlMs ?? this.#defaultTtlMs ?? Infinity;
    this.#mayExpire ||= ttlMs !== Infinity;
    const expiresAtMs = this.#clock.monotonicMs() + ttlMs;
    this.#entries.set(key, { value, bytes, expiresAtMs }, { size: 1 });
    this.#totalBytes += bytes;
    this.#evictOver();
    return this;
  }

  /** Removes a value. Returns whether there was one. A load under way does not bring it back. */
  delete(key: K): boolean {
    this.#loads.forget(key);
    const wasPresent = this.#live(key, false) !== undefined;
    this.#remove(key);
    return wasPresent;
  }

  /** Removes everything. */
  clear(): void {
    this.#loads.forgetAll();
    this.#entries.clear();
    this.#totalBytes = 0;
  }

  /**
   * Reads a value, or has the loader fetch it: once a key, however many ask.
   *
   * A value set or deleted meanwhile stands against what the loader brings. An aborted caller
   * aborts the load only when nobody else waits for it.
   *
   * @throws `signal.reason` when aborted; what the loader threw.
   */
  async load(key: K, options: { readonly signal?: AbortSignal } = {}): Promise<V | undefined> {
    options.signal?.throwIfAborted();
    const present = this.get(key);
    if (present !== undefined) return present;
    const loaded = await this.#loads.load(key, options.signal);
    return this.peek(key) ?? loaded;
  }

  /** Iterates from the most to the least recent entry. */
  *entries(): IterableIterator<[K, V]> {
    for (const [key, entry] of this.#entries.entries()) {
      if (!this.#isExpired(entry)) yield [key, entry.value];
    }
  }

  /** Changes limits at once; what no longer fits goes, the coldest first. */
  reconfigure(changes: {
    readonly maxEntries?: number;
    readonly maxBytes?: number;
    readonly defaultTtlMs?: number;
  }): void {
    const { maxEntries = this.#maxEntries, maxBytes = this.#maxBytes } = changes;
    const isValid =
      Number.isInteger(maxEntries) && maxEntries >= 1 && maxEntries <= MAX_CACHE_ENTRIES;
    if (!isValid || !(maxBytes >= 1)) {
      throw scalingError('DW_SCALING_INVALID_LIMITS', { details: { maxEntries, maxBytes } });
    }
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#defaultTtlMs = changes.defaultTtlMs ?? this.#defaultTtlMs;
    this.#evictOver();
  }

  statistics(): BoundedCacheStatistics {
    const asked = this.#hits + this.#misses;
    return {
      itemCount: this.size,
      totalBytes: this.#totalBytes,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evicted,
      expiredEntries: this.#expired,
      hitRatio: asked === 0 ? 0 : this.#hits / asked,
    };
  }

  /** Listens to entries that are evicted or found expired, until disposed. */
  onDidEvict(listener: (event: CacheEviction<K, V>) => void): Disposable {
    return this.#evictions.add(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.clear();
    this.#evictions.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #live(key: K, promotes: boolean): Entry<V> | undefined {
    const entry = promotes ? this.#entries.get(key) : this.#entries.peek(key);
    if (entry === undefined || !this.#isExpired(entry)) return entry;
    this.#expire(key, entry);
    return undefined;
  }

  #isExpired(entry: Entry<V>): boolean {
    return entry.expiresAtMs !== Infinity && entry.expiresAtMs <= this.#clock.monotonicMs();
  }

  #expire(key: K, entry: Entry<V>): void {
    this.#remove(key);
    this.#expired += 1;
    this.#evictions.emit({ key, value: entry.value, reason: 'expired' });
  }

  #dropExpired(): void {
    if (!this.#mayExpire) return;
    for (const [key, entry] of [...this.#entries.entries()]) {
      if (this.#isExpired(entry)) this.#expire(key, entry);
    }
  }

  #remove(key: K): void {
    const entry = this.#entries.peek(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#totalBytes -= entry.bytes;
  }

  #evictOver(): void {
    const gone: CacheEviction<K, V>[] = [];
    while (this.#entries.size > this.#maxEntries || this.#totalBytes > this.#maxBytes) {
      const { value: coldest } = this.#entries.rentries().next();
      if (coldest === undefined) break;
      const [key, entry] = coldest as [K, Entry<V>];
      this.#remove(key);
      const reason = this.#isExpired(entry) ? 'expired' : 'evicted';
      if (reason === 'expired') this.#expired += 1;
      else this.#evicted += 1;
      gone.push({ key, value: entry.value, reason });
    }
    for (const event of gone) this.#evictions.emit(event);
  }
}

function encodedLength(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return ArrayBuffer.isView(value) ? value.byteLength : 0;
}
