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
import { CacheBacking } from './cache/cache-backing.js';
import { CacheCore } from './cache/cache-core.js';
import type { CacheWriteFailure } from './cache/cache-write-queue.js';
import { encodedBytes } from './cache/entry-sizes.js';
import { type CacheEstimate, RequestSample } from './cache/request-sample.js';
import { resolveCacheOptions } from './cache/resolve-cache-options.js';
import type { EvictionPolicyName } from './eviction/eviction-policy.js';

/** Options of one change. */
export interface CacheSetOptions {
  /** Milliseconds that the value stays, `Infinity` for no limit. Default: `defaultTtlMs`. */
  readonly ttlMs?: number;
}

/**
 * A map with limits by entries and bytes; limits, time to live and eviction policy change while it
 * is in use.
 *
 * Over a `backingStore` it is a map of what is stored, of which the memory holds a part: what is set
 * is written in order for each key, and again until the store has it; until then it is read from a
 * bounded backlog, whatever is evicted. Size and iteration tell of the memory alone. What was set
 * but not flushed dies with the process.
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
  readonly #backing: CacheBacking<K, V> | undefined;
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

  /**
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`, `DW_STORE_INVALID_PATH`; `TypeError` where
   *   options do not go together.
   */
  constructor(options: BoundedCacheOptions<K, V> = {}) {
    if (options.backingStore !== undefined || options.loader !== undefined) {
      this.#backing = new CacheBacking(options, {
        keep: (key, value, ttlMs) => {
          this.#insert(key, value, this.#bytesOf(value, key), this.#expiryAfter(ttlMs));
        },
        defaultTtlMs: () => this.#defaultTtlMs,
      });
    }
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
    this.#core.recordsDepartures = this.#isStored;
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

  /**
   * Reads a value from the memory, counts a hit or a miss, and makes it count as used. Does not ask
   * the store: see {@link load}.
   */
  get(key: K): V | undefined {
    if (this.#sample !== undefined) this.#sample.read(key);
    const core = this.#core;
    let value = core.get(key);
    if (value === undefined) {
      if (core.departures.length !== 0) this.#tell();
      if (this.#backing !== undefined) value = this.#backing.pending(key);
    }
    if (value === undefined) this.#misses += 1;
    else this.#hits += 1;
    return value;
  }

  /** Reads a value without counting or changing anything. */
  peek(key: K): V | undefined {
    const value = this.#core.peek(key);
    this.#tell();
    return value ?? this.#backing?.pending(key);
  }

  /** Reports whether a value is present, without counting or changing anything. */
  has(key: K): boolean {
    return this.peek(key) !== undefined;
  }

  /**
   * Puts a value. One that is larger than `maxBytes` alone is not kept in memory.
   *
   * @throws {@link DwError} `DW_CACHE_CLOSED`; with a store `DW_CACHE_BACKLOG_FULL` (retryable),
   *   `DW_CACHE_ENCODE_FAILED`, `DW_STORE_INVALID_PATH`; `TypeError` where the size or `ttlMs` is
   *   not a number of at least 0; what `sizeOf` throws. Nothing is changed then.
   */
  set(key: K, value: V, options?: CacheSetOptions): this {
    if (this.#isClosed) throw scalingError('DW_CACHE_CLOSED');
    let ttlMs = this.#defaultTtlMs;
    if (options !== undefined && options.ttlMs !== undefined) ttlMs = options.ttlMs;
    const expiresAtMs = ttlMs === Infinity ? Infinity : this.#expiryAfter(ttlMs);
    const bytes = this.#core.isSized ? this.#bytesOf(value, key) : 0;
    if (this.#backing !== undefined) this.#backing.change({ key, value, ttlMs });
    this.#insert(key, value, bytes, expiresAtMs);
    return this;
  }

  /**
   * Puts a value as {@link set} does, but waits while the backlog is full; only then the value can
   * be read. With `writeThrough` resolves when the store has this value or a later one.
   *
   * @param options.signal - Ends the wait. Nothing is changed where it was for room; a value that
   *   can be read already is still written.
   * @throws As {@link set}, with `DW_CACHE_BACKLOG_FULL` only where too many wait already;
   *   `signal.reason`; {@link DwError} `DW_CACHE_WRITE_FAILED` (retryable) with `writeThrough`,
   *   where the value stays and is written again.
   */
  async put(
    key: K,
    value: V,
    options: CacheSetOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    if (this.#isClosed) throw scalingError('DW_CACHE_CLOSED');
    const { ttlMs = this.#defaultTtlMs, signal } = options;
    const expiresAtMs = this.#expiryAfter(ttlMs);
    const bytes = this.#bytesOf(value, key);
    const insert = (): void => this.#insert(key, value, bytes, expiresAtMs);
    if (this.#backing === undefined) insert();
    else await this.#backing.changeAndWait({ key, value, ttlMs }, insert, signal);
  }

  /**
   * Removes a value, from the store too. Returns whether there was one in memory or in the backlog.
   * A load under way does not bring it back.
   *
   * @throws {@link DwError} with a store or a loader `DW_CACHE_CLOSED`; with a store
   *   `DW_CACHE_BACKLOG_FULL` (retryable), `DW_STORE_INVALID_PATH`. Nothing is changed then.
   */
  delete(key: K): boolean {
    const wasPending = this.#backing?.pending(key) !== undefined;
    this.#backing?.change({ key });
    const wasPresent = this.#core.delete(key);
    this.#tell();
    return wasPresent || wasPending;
  }

  /** Removes a value as {@link delete} does, and waits and rejects as {@link put} does. */
  async remove(key: K, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#isClosed) throw scalingError('DW_CACHE_CLOSED');
    const remove = (): void => {
      this.#core.delete(key);
      this.#tell();
    };
    if (this.#backing === undefined) remove();
    else await this.#backing.changeAndWait({ key }, remove, options.signal);
  }

  /**
   * Removes everything, in the store all that is below its path.
   *
   * @throws {@link DwError} with a store or a loader `DW_CACHE_CLOSED`.
   */
  clear(): void {
    this.#backing?.clear();
    this.#core.clear();
  }

  /**
   * Reads a value, or fetches it from the store, then from the loader: once a key, however many ask.
   * Both know of `absentTtlMs`.
   *
   * Who waits gets a value that is set meanwhile, or `undefined` where the key is deleted. An aborted
   * caller aborts the load only when nobody else waits for it.
   *
   * @throws `signal.reason` when aborted; what the store or the loader rejected with;
   *   {@link DwError} `DW_CACHE_CLOSED`, `DW_CACHE_DECODE_FAILED`.
   */
  async load(key: K, options: { readonly signal?: AbortSignal } = {}): Promise<V | undefined> {
    if (this.#isClosed) throw scalingError('DW_CACHE_CLOSED');
    options.signal?.throwIfAborted();
    return this.get(key) ?? (await this.#backing?.load(key, options.signal));
  }

  /**
   * Writes what waits for the store, at once and once.
   *
   * @throws {@link DwError} `DW_CACHE_WRITE_FAILED` (retryable), with `details.keys`; they still wait.
   */
  async flush(): Promise<void> {
    await this.#backing?.flush();
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
      ...(this.#backing !== undefined && { backing: this.#backing.statistics() }),
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
        this.#core.recordsDepartures = this.#isStored || this.#evictions.size > 0;
      },
    };
  }

  /** Listens to attempts to write that failed, until disposed. What failed is tried again. */
  onDidFailWrite(listener: (failure: CacheWriteFailure<K>) => void): Disposable {
    return this.#backing?.onDidFailWrite(listener) ?? { [Symbol.dispose]: () => undefined };
  }

  /**
   * Empties the memory, and writes what waits for the store: up to five times.
   *
   * @throws {@link DwError} `DW_CACHE_WRITE_FAILED`, whose `details.keys` are lost.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#core.clear();
    this.#evictions.clear();
    this.#core.recordsDepartures = false;
    await this.#backing?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #watch(): RequestSample {
    this.#sample = new RequestSample(this.#options.maxEntries, this.#random);
    return this.#sample;
  }

  /** Whether expired entries are to be removed from a store. */
  get #isStored(): boolean {
    return this.#backing?.hasStore === true;
  }

  #insert(key: K, value: V, bytes: number, expiresAtMs: number): void {
    const core = this.#core;
    if (this.#sample !== undefined) this.#sample.write(key);
    if (bytes !== 0 && bytes + core.entryOverheadBytes > this.#options.maxBytes) {
      this.#refuse(key, value);
      return;
    }
    if (expiresAtMs !== Infinity && expiresAtMs <= this.#clock.monotonicMs()) {
      // It lives no time at all, so nothing makes room for it.
      core.arriveExpired(key, value);
    } else {
      core.set(key, value, bytes, expiresAtMs);
    }
    if (core.departures.length !== 0) this.#tell();
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
    for (const { key, reason } of departures) if (reason === 'expired') this.#backing?.expired(key);
    for (const departure of departures) this.#evictions.emit(departure);
  }
}
