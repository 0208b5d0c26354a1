import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { Listeners } from '../concurrency/listeners.js';
import { scalingError } from '../errors/scaling-errors.js';
import { type Clock, systemClock } from '../plugin/clock.js';
import type {
  BoundedCacheOptions,
  BoundedCacheStatistics,
  CacheEviction,
  CacheReconfiguration,
  ResolvedCacheOptions,
} from './bounded-cache-options.js';
import { CacheCore } from './cache/cache-core.js';
import { encodedBytes } from './cache/entry-sizes.js';
import { type CacheEstimate, RequestSample } from './cache/request-sample.js';
import { resolveCacheOptions } from './cache/resolve-cache-options.js';
import type { EvictionPolicyName } from './eviction/eviction-policy.js';
import { PendingLoads } from './pending-loads.js';

/**
 * A map with limits by entries and bytes; limits, time to live and eviction policy change while it
 * is in use.
 *
 * Nothing is preallocated: an empty cache costs the same at any limit. Expired entries are absent
 * to every reader, and are removed when met or when room is needed. Listeners are called after the
 * cache is whole again, and may use it.
 */
@SdkCompatibility('6.0.0')
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- all but undefined and null
export class BoundedCache<K extends {}, V extends {}> implements AsyncDisposable {
  readonly #core: CacheCore<K, V>;
  readonly #evictions = new Listeners<CacheEviction<K, V>>('onDidEvict');
  readonly #loads: PendingLoads<K, V>;
  readonly #sizeOf: (value: V, key: K) => number;
  readonly #clock: Clock;
  readonly #random: () => number;
  #options: ResolvedCacheOptions;
  #defaultTtlMs: number;
  #sample: RequestSample | undefined;
  #hits = 0;
  #misses = 0;
  #refused = 0;
  #isClosed = false;

  constructor(options: BoundedCacheOptions<K, V> = {}) {
    const { loader = async () => undefined } = options;
    this.#loads = new PendingLoads(loader, (key, value) => this.set(key, value));
    this.#sizeOf = options.sizeOf ?? encodedBytes;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#options = resolveCacheOptions(options);
    this.#defaultTtlMs = this.#options.defaultTtlMs;
    this.#core = new CacheCore({
      random: this.#random,
      nowMs: () => this.#clock.monotonicMs(),
      onStep: () => this.#tell(),
      isSized: options.sizeOf !== undefined,
    });
    this.#core.reconfigure(this.#options);
    if (this.#options.estimates) this.#watch();
  }

  /** What holds now: limits, time to live, policy. Frozen. */
  get options(): ResolvedCacheOptions {
    return this.#options;
  }

  /** Entries that are present. More than the limit only while a great cut of it is under way. */
  get size(): number {
    const { liveCount } = this.#core;
    this.#tell();
    return liveCount;
  }

  /** Reads a value, counts a hit or a miss, and makes it count as used. */
  get(key: K): V | undefined {
    if (this.#sample !== undefined) this.#sample.read(key);
    const core = this.#core;
    const value = core.get(key);
    if (value === undefined) {
      this.#misses += 1;
      if (core.departures.length !== 0) this.#tell();
    } else {
      this.#hits += 1;
    }
    return value;
  }

  /** Reads a value without counting or changing anything. */
  peek(key: K): V | undefined {
    const value = this.#core.peek(key);
    this.#tell();
    return value;
  }

  /** Reports whether a value is present, without counting or changing anything. */
  has(key: K): boolean {
    return this.peek(key) !== undefined;
  }

  /**
   * Puts a value. One that is larger than `maxBytes` alone is not kept.
   *
   * @throws {@link DwError} `DW_CACHE_CLOSED`; `TypeError` where the size or `ttlMs` is not a
   *   number of at least 0; what `sizeOf` throws. Nothing is changed then.
   */
  set(key: K, value: V, options?: { readonly ttlMs?: number }): this {
    if (this.#isClosed) throw scalingError('DW_CACHE_CLOSED');
    const core = this.#core;
    let expiresAtMs = this.#defaultTtlMs;
    if (options !== undefined && options.ttlMs !== undefined) expiresAtMs = options.ttlMs;
    if (expiresAtMs !== Infinity) expiresAtMs = this.#expiryAfter(expiresAtMs);
    const bytes = core.isSized ? this.#bytesOf(value, key) : 0;
    if (!this.#loads.isIdle) this.#loads.forget(key);
    if (this.#sample !== undefined) this.#sample.write(key);
    if (bytes !== 0 && bytes + core.entryOverheadBytes > this.#options.maxBytes) {
      this.#refuse(key, value);
      return this;
    }
    core.set(key, value, bytes, expiresAtMs);
    if (core.departures.length !== 0) this.#tell();
    return this;
  }

  /** Removes a value. Returns whether there was one. A load under way does not bring it back. */
  delete(key: K): boolean {
    this.#loads.forget(key);
    const wasPresent = this.#core.delete(key);
    this.#tell();
    return wasPresent;
  }

  /** Removes everything. */
  clear(): void {
    this.#loads.forgetAll();
    this.#core.clear();
  }

  /**
   * Reads a value, or has the loader fetch it: once a key, however many ask.
   *
   * A value set or deleted meanwhile stands against what the loader brings. An aborted caller
   * aborts the load only when nobody else waits for it.
   *
   * @throws `signal.reason` when aborted; what the loader threw; {@link DwError}
   *   `DW_CACHE_CLOSED`.
   */
  async load(key: K, options: { readonly signal?: AbortSignal } = {}): Promise<V | undefined> {
    if (this.#isClosed) throw scalingError('DW_CACHE_CLOSED');
    options.signal?.throwIfAborted();
    const present = this.get(key);
    if (present !== undefined) return present;
    try {
      const loaded = await this.#loads.load(key, options.signal);
      return this.peek(key) ?? loaded;
    } catch (error) {
      const set = options.signal?.aborted === true ? undefined : this.peek(key);
      if (set === undefined) throw error;
      return set;
    }
  }

  /**
   * Iterates from the most to the least recent entry, over what is there when it begins; what
   * leaves meanwhile is left out.
   */
  *entries(): IterableIterator<[K, V]> {
    const core = this.#core;
    const { table } = core;
    for (const slot of core.order()) {
      const value = core.isLive(slot) ? table.valueAt(slot) : undefined;
      if (value !== undefined) yield [table.keyAt(slot), value];
    }
  }

  /** Iterates over the keys as {@link entries} does. */
  *keys(): IterableIterator<K> {
    for (const [key] of this.entries()) yield key;
  }

  /** Iterates over the values as {@link entries} does. */
  *values(): IterableIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  /**
   * Changes limits, time to live or policy. What no longer fits goes, the coldest first. Where
   * that is much, or the entries go over to another policy, it is done in steps that do not hold
   * up the process; the order of the entries stays.
   *
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`; nothing is changed then.
   */
  reconfigure(changes: CacheReconfiguration): void {
    this.#options = resolveCacheOptions(changes, this.#options);
    this.#defaultTtlMs = this.#options.defaultTtlMs;
    this.#core.reconfigure(this.#options);
    this.#tell();
  }

  statistics(): BoundedCacheStatistics {
    const asked = this.#hits + this.#misses;
    return {
      itemCount: this.size,
      totalBytes: this.#core.totalBytes,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#core.evictedCount + this.#refused,
      expiredEntries: this.#core.expiredCount,
      hitRatio: asked === 0 ? 0 : this.#hits / asked,
    };
  }

  /**
   * Estimates the hit ratio that another size, or another policy, would have had: a small cache is
   * run over the requests for some of the keys. Time to live, bytes and removals are left out, and
   * what was missed counts as set then.
   *
   * @returns `undefined` where nothing has been watched yet: requests are watched from the first
   *   call on, or from the start with the option `estimates`.
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`.
   */
  estimate(asked: {
    readonly entries: number;
    readonly eviction?: EvictionPolicyName;
  }): CacheEstimate | undefined {
    const { eviction = this.#options.eviction } = asked;
    resolveCacheOptions({ maxEntries: asked.entries, eviction });
    const sample = this.#sample ?? this.#watch();
    return sample.isEmpty ? undefined : sample.estimate(asked.entries, eviction);
  }

  /** Listens to entries that are evicted or found expired, until disposed. */
  onDidEvict(listener: (event: CacheEviction<K, V>) => void): Disposable {
    const added = this.#evictions.add(listener);
    this.#core.recordsDepartures = true;
    return {
      [Symbol.dispose]: () => {
        added[Symbol.dispose]();
        this.#core.recordsDepartures = this.#evictions.size > 0;
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.clear();
    this.#evictions.clear();
    this.#core.recordsDepartures = false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #watch(): RequestSample {
    this.#sample = new RequestSample(this.#options.maxEntries, this.#random);
    return this.#sample;
  }

  #expiryAfter(ttlMs: number): number {
    if (!(ttlMs >= 0)) throw new TypeError('ttlMs must be a number of at least 0');
    return this.#clock.monotonicMs() + ttlMs;
  }

  #bytesOf(value: V, key: K): number {
    const bytes = this.#sizeOf(value, key);
    if (!(bytes >= 0)) throw new TypeError('sizeOf must return a number of at least 0');
    return bytes;
  }

  /** Everything else would have to go first, and then this too. */
  #refuse(key: K, value: V): void {
    this.#core.delete(key);
    this.#refused += 1;
    this.#tell();
    this.#evictions.emit({ key, value, reason: 'evicted' });
  }

  /** Tells listeners what left. Nothing of the cache is under way then. */
  #tell(): void {
    const core = this.#core;
    if (core.departures.length === 0) return;
    const { departures } = core;
    core.departures = [];
    for (const departure of departures) this.#evictions.emit(departure);
  }
}
