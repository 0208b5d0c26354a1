import { DwError } from '../../errors/dw-error.js';
import { scalingError } from '../../errors/scaling-errors.js';
import { type Clock, systemClock } from '../../plugin/clock.js';
import { AbsentKeys } from './absent-keys.js';
import type { CacheBackingOptions, CacheBackingStatistics } from './cache-backing-options.js';
import type { CacheWriteCounts } from './cache-backlog.js';
import type { CacheChange } from './cache-change.js';
import { type CacheLoad, CacheLoads } from './cache-loads.js';
import { CacheStoreTier } from './cache-store-tier.js';
import type { CacheWriteFailure } from './cache-write-queue.js';

/** The memory of a cache, as what is behind it sees it. */
export interface CacheMemory<K, V> {
  /** Takes in what was loaded. It is stored already, or can be loaded again. */
  readonly keep: (key: K, value: V, ttlMs: number) => void;
  /** Milliseconds that values stay unless told otherwise, or `Infinity`. */
  readonly defaultTtlMs: () => number;
}

/** One change of a cache: a value, or a removal where there is none. */
export interface BackedChange<K, V> {
  readonly key: K;
  readonly value?: V;
  /** Milliseconds that the value stays, or `Infinity`. */
  readonly ttlMs?: number;
}

const noWrites: CacheWriteCounts = {
  pendingWrites: 0,
  pendingBytes: 0,
  acceptedWrites: 0,
  storedWrites: 0,
  supersededWrites: 0,
  failedWrites: 0,
};

/**
 * What is behind the memory of a cache: a store, a loader, or both.
 *
 * The store holds every value that was put, or is about to: the memory may evict what it likes. What
 * the store does not have yet is in a bounded backlog, and is read from there.
 */
export class CacheBacking<K, V> {
  readonly #tier: CacheStoreTier<K, V> | undefined;
  readonly #loader: CacheBackingOptions<K, V>['loader'];
  readonly #memory: CacheMemory<K, V>;
  readonly #clock: Clock;
  readonly #isWriteThrough: boolean;
  readonly #loads = new CacheLoads<K, V>((key, load) => this.#fetch(key, load));
  readonly #absent: AbsentKeys<K>;
  #absentHits = 0;
  #closing: Promise<void> | undefined;

  /**
   * @throws {@link DwError} `DW_STORE_INVALID_PATH`, `DW_SCALING_INVALID_LIMITS`; a TypeError where
   *   options contradict each other.
   */
  constructor(options: CacheBackingOptions<K, V>, memory: CacheMemory<K, V>) {
    const { backingStore, clock = systemClock, absentTtlMs = 0 } = options;
    if (!(absentTtlMs >= 0)) {
      throw scalingError('DW_SCALING_INVALID_LIMITS', { details: { absentTtlMs } });
    }
    this.#tier = backingStore && new CacheStoreTier(backingStore, options, clock);
    this.#loader = options.loader;
    this.#memory = memory;
    this.#clock = clock;
    this.#isWriteThrough = options.writeThrough ?? false;
    this.#absent = new AbsentKeys(absentTtlMs, clock);
  }

  get hasStore(): boolean {
    return this.#tier !== undefined;
  }

  /** The value of a key that the store does not have yet. */
  pending(key: K): V | undefined {
    const found = this.#tier?.queue.backlog.find(key);
    return found === undefined || this.#isExpired(found) ? undefined : found.value;
  }

  /**
   * Takes a change in, or throws and changes nothing. Change the memory right after it.
   *
   * @throws {@link DwError} `DW_CACHE_BACKLOG_FULL` (retryable), `DW_CACHE_ENCODE_FAILED`,
   *   `DW_STORE_INVALID_PATH`, `DW_CACHE_CLOSED`.
   */
  change(change: BackedChange<K, V>): void {
    this.#assertOpen();
    if (this.#tier !== undefined) {
      const { backlog } = this.#tier.queue;
      if (!backlog.tryAdd(this.#toStore(this.#tier, change))) {
        throw scalingError('DW_CACHE_BACKLOG_FULL', { details: { ...backlog.counts() } });
      }
    }
    this.#settleLoad(change);
  }

  /**
   * Takes a change in when there is room for it; with write-through, resolves when the store has
   * it.
   *
   * @param apply - Changes the memory.
   * @throws As {@link change}; `signal.reason` when aborted, where the change stands if it was
   *   applied; `DW_CACHE_WRITE_FAILED` (retryable), where the change stands and is tried again.
   */
  async changeAndWait(
    change: BackedChange<K, V>,
    apply: () => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#assertOpen();
    signal?.throwIfAborted();
    if (this.#tier === undefined) {
      this.#settleLoad(change);
      apply();
      return;
    }
    const { queue } = this.#tier;
    const toStore = this.#toStore(this.#tier, change);
    const storing = (): Promise<void> | undefined =>
      this.#isWriteThrough ? queue.stored(change.key, toStore.name, signal) : undefined;
    let stored: Promise<void> | undefined;
    const onEnter = (): void => {
      stored = storing();
      this.#settleLoad(change);
      apply();
    };
    await queue.backlog.add(toStore, onEnter, signal).catch(rethrowAsCacheError);
    // Where everything was removed meanwhile, that is what there is to wait for.
    await (stored ?? storing());
  }

  /**
   * Forgets all changes that wait, and has the store forget everything.
   *
   * @throws {@link DwError} `DW_CACHE_CLOSED`.
   */
  clear(): void {
    this.#assertOpen();
    this.#absent.clear();
    this.#loads.settleAll();
    this.#tier?.queue.backlog.clear();
  }

  /** Has an expired value removed from the store, unless there is a later change or no room. */
  expired(key: K): void {
    if (this.#tier === undefined || this.#closing !== undefined) return;
    const { backlog } = this.#tier.queue;
    if (backlog.find(key) === undefined) backlog.tryAdd(this.#tier.removal(key));
  }

  /** Fetches what the memory does not have: once a key, however many ask. */
  async load(key: K, signal: AbortSignal | undefined): Promise<V | undefined> {
    const pending = this.pending(key);
    if (pending !== undefined) return pending;
    if (this.#absent.has(key)) {
      this.#absentHits += 1;
      return undefined;
    }
    return await this.#loads.load(key, signal);
  }

  /** Writes what waits. @throws {@link DwError} `DW_CACHE_WRITE_FAILED` (retryable). */
  async flush(): Promise<void> {
    await this.#tier?.queue.flush();
  }

  /**
   * Refuses those who wait, writes what waits, and gives up what the store does not take.
   *
   * @throws {@link DwError} `DW_CACHE_WRITE_FAILED`, which names what is lost.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  statistics(): CacheBackingStatistics {
    return {
      ...(this.#tier?.queue.backlog.counts() ?? noWrites),
      loads: this.#loads.begun,
      absentHits: this.#absentHits,
      decodeFailures: this.#tier?.decodeFailures ?? 0,
    };
  }

  /** Listens to attempts to write that failed, until disposed. */
  onDidFailWrite(listener: (failure: CacheWriteFailure<K>) => void): Disposable {
    return this.#tier?.queue.onDidFailWrite(listener) ?? { [Symbol.dispose]: () => undefined };
  }

  async #close(): Promise<void> {
    const refusal = scalingError('DW_CACHE_CLOSED');
    this.#loads.refuseAll(refusal);
    this.#absent.clear();
    await this.#tier?.queue.close(refusal);
  }

  async #fetch(key: K, load: CacheLoad): Promise<V | undefined> {
    const stored = await this.#fetchStored(key, load);
    if (stored !== undefined || !load.isCurrent()) return stored;
    const value = await this.#loader?.(key, load.signal);
    if (!load.isCurrent()) return value;
    if (value === undefined) this.#absent.add(key);
    else this.#keepNew(key, value);
    return value;
  }

  async #fetchStored(key: K, load: CacheLoad): Promise<V | undefined> {
    // What waits is a removal, or expired: what the store still has does not count.
    if (this.#tier === undefined || this.#tier.queue.backlog.find(key) !== undefined) {
      return undefined;
    }
    const stored = await this.#tier.read(key, load.signal);
    if (stored === undefined) return undefined;
    if (this.#isExpired(stored)) {
      if (load.isCurrent()) this.expired(key);
      return undefined;
    }
    const { value, expiresAtMs } = stored;
    if (load.isCurrent()) this.#memory.keep(key, value, expiresAtMs - this.#clock.now());
    return value;
  }

  /** Keeps what the loader brought; in the store, too, where there is room for it. */
  #keepNew(key: K, value: V): void {
    const ttlMs = this.#memory.defaultTtlMs();
    if (this.#tier !== undefined) {
      this.#tier.queue.backlog.tryAdd(this.#toStore(this.#tier, { key, value, ttlMs }));
    }
    this.#memory.keep(key, value, ttlMs);
  }

  #toStore(tier: CacheStoreTier<K, V>, change: BackedChange<K, V>): CacheChange<K, V> {
    const { key, value, ttlMs = Number.POSITIVE_INFINITY } = change;
    return value === undefined
      ? tier.removal(key)
      : tier.write(key, value, this.#clock.now() + ttlMs);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw scalingError('DW_CACHE_CLOSED');
  }

  #settleLoad({ key, value }: BackedChange<K, V>): void {
    this.#absent.delete(key);
    this.#loads.settle(key, value);
  }

  #isExpired({ expiresAtMs }: { readonly expiresAtMs: number }): boolean {
    return expiresAtMs <= this.#clock.now();
  }
}

function rethrowAsCacheError(error: unknown): never {
  if (!DwError.is(error, 'DW_SCALING_OVERLOADED')) throw error;
  throw scalingError('DW_CACHE_BACKLOG_FULL', { cause: error, details: error.details });
}
