import { LRUCache } from 'lru-cache';
import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { Listeners } from '../concurrency/listeners.js';
import { scalingError } from '../errors/scaling-errors.js';
import { type Clock, systemClock } from '../plugin/clock.js';
import type {
  BoundedCacheOptions,
  BoundedCacheStatistics,
  CacheEviction,
} from './bounded-cache-options.js';
import { ExpiryQueue } from './expiry-queue.js';
import { PendingLoads } from './pending-loads.js';
import { MAX_CACHE_ENTRIES } from './scaling-limits.js';

/** Most entries that one call evicts; after a great cut of the limits the rest goes bit by bit. */
const evictionStep = 4_096;

interface Entry<K, V> {
  readonly key: K;
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
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- all but undefined and null
export class BoundedCache<K extends {}, V extends {}> implements AsyncDisposable {
  // Sizes count entries: lru-cache cannot change its limits, so they are kept here.
  readonly #entries = new LRUCache<K, Entry<K, V>>({
    maxSize: Number.MAX_SAFE_INTEGER,
  });
  readonly #expiries = new ExpiryQueue<Entry<K, V>>(
    (entry) => this.#entries.peek(entry.key) === entry,
  );
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
  #shrinking: NodeJS.Immediate | undefined;
  #isClosed = false;

  constructor(options: BoundedCacheOptions<K, V> = {}) {
    const { loader = async () => undefined } = options;
    this.#loads = new PendingLoads(loader, (key, value) => this.set(key, value));
    this.#sizeOf = options.sizeOf ?? encodedLength;
    this.#clock = options.clock ?? systemClock;
    this.#keepsOrder = options.eviction === 'TTL';
    this.reconfigure(options);
  }

  /** Entries that are present. More than the limit only while a great cut of it is under way. */
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
    if (bytes > this.#maxBytes) {
      // Everything else would have to go first, and then this too.
      this.#evicted += 1;
      this.#evictions.emit({ key, value, reason: 'evicted' });
      return this;
    }
    const ttlMs = options.ttlMs ?? this.#defaultTtlMs ?? Infinity;
    const expiresAtMs = this.#clock.monotonicMs() + ttlMs;
    const entry = { key, value, bytes, expiresAtMs };
    this.#entries.set(key, entry, { size: 1 });
    this.#totalBytes += bytes;
    if (expiresAtMs !== Infinity) this.#expiries.add(entry, expiresAtMs);
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
    this.#expiries.clear();
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

  /** Iterates from the most to the least recent entry. */
  *entries(): IterableIterator<[K, V]> {
    for (const [key, entry] of this.#entries.entries()) {
      if (!this.#isExpired(entry)) yield [key, entry.value];
    }
  }

  /**
   * Changes limits at once; what no longer fits goes, the coldest first. Where that is much, it
   * goes in steps that do not hold up the process.
   *
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`; nothing is changed then.
   */
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
    clearImmediate(this.#shrinking);
    this.clear();
    this.#evictions.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #live(key: K, promotes: boolean): Entry<K, V> | undefined {
    const entry = promotes ? this.#entries.get(key) : this.#entries.peek(key);
    if (entry === undefined || !this.#isExpired(entry)) return entry;
    this.#expire(entry);
    return undefined;
  }

  #isExpired(entry: Entry<K, V>): boolean {
    return entry.expiresAtMs !== Infinity && entry.expiresAtMs <= this.#clock.monotonicMs();
  }

  #expire({ key, value }: Entry<K, V>): void {
    this.#remove(key);
    this.#expired += 1;
    this.#evictions.emit({ key, value, reason: 'expired' });
  }

  #dropExpired(): void {
    const nowMs = this.#clock.monotonicMs();
    for (let next = this.#expiries.takeDue(nowMs); next; next = this.#expiries.takeDue(nowMs)) {
      this.#expire(next);
    }
  }

  #remove(key: K): void {
    const entry = this.#entries.peek(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#totalBytes -= entry.bytes;
  }

  #isOver(): boolean {
    return this.#entries.size > this.#maxEntries || this.#totalBytes > this.#maxBytes;
  }

  #evictOver(): void {
    if (this.#isOver()) this.#dropExpired();
    const gone: CacheEviction<K, V>[] = [];
    for (let steps = 0; steps < evictionStep && this.#isOver(); steps += 1) {
      const coldest = this.#entries.pop();
      if (coldest === undefined) break;
      this.#totalBytes -= coldest.bytes;
      this.#evicted += 1;
      if (this.#evictions.size > 0) {
        gone.push({ key: coldest.key, value: coldest.value, reason: 'evicted' });
      }
    }
    if (this.#isOver()) this.#shrinkLater();
    for (const event of gone) this.#evictions.emit(event);
  }

  #shrinkLater(): void {
    this.#shrinking ??= setImmediate(() => {
      this.#shrinking = undefined;
      this.#evictOver();
    }).unref();
  }
}

function encodedLength(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return ArrayBuffer.isView(value) ? value.byteLength : 0;
}
