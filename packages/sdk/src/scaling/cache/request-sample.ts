import type { EvictionPolicyName } from '../eviction/eviction-policy.js';
import { KeyHash } from '../eviction/key-hash.js';
import { CacheCore } from './cache-core.js';
import { grownInt32 } from './slot-table.js';

/** Most requests that are kept; 4 bytes each. */
const mostRequests = 2 ** 17;
/** Least entries of the small cache that an estimate runs, before older requests are given up. */
const leastEntries = 128;

/** What a cache of another size would have done. */
export interface CacheEstimate {
  readonly entries: number;
  readonly eviction: EvictionPolicyName;
  /** hits / (hits + misses) of reads, 0 when there were none. */
  readonly hitRatio: number;
  /** Share of the keys that was watched. */
  readonly sampledRatio: number;
  /** Reads of those keys that the estimate is made from. */
  readonly sampledRequests: number;
}

/**
 * The requests for some of the keys, chosen by hash, so that all requests for a key are there or
 * none: C. A. Waldspurger, N. Park, A. Garthwaite and I. Ahmad, "Efficient MRC Construction with
 * SHARDS", FAST 2015. A small cache that sees them behaves like the large one: the same and
 * T. Saemundsson, "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC 2017.
 *
 * When there are too many requests, half of the keys are dropped; when too few keys would be left,
 * the older half of the requests.
 */
export class RequestSample {
  readonly #keyHash: KeyHash;
  readonly #leastRatio: number;
  readonly #random: () => number;
  /** Hashes of keys; the lowest bit tells a read from a write. */
  #log: Int32Array = new Int32Array(256);
  #count = 0;
  /** Keys are watched whose hash has this many zeros at the top. */
  #dropBits = 0;
  /** All reads since the log begins. */
  #reads = 0;
  #isWhole = true;

  constructor(maxEntries: number, random: () => number) {
    this.#keyHash = new KeyHash(random() * 2 ** 32);
    this.#leastRatio = Math.min(1 / 8, leastEntries / maxEntries);
    this.#random = random;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  read(key: unknown): void {
    this.#reads += 1;
    const hash = this.#keyHash.of(key);
    if (this.#isWatched(hash)) this.#add(hash & ~1);
  }

  /** Notes that a value was set. One that follows its read is part of that. */
  write(key: unknown): void {
    const hash = this.#keyHash.of(key);
    if (!this.#isWatched(hash)) return;
    if (this.#count > 0 && this.#log[this.#count - 1] === (hash & ~1)) return;
    this.#add(hash | 1);
  }

  estimate(entries: number, eviction: EvictionPolicyName): CacheEstimate {
    const sampledRatio = 2 ** -this.#dropBits;
    const core = new CacheCore<number, true>({
      random: this.#random,
      nowMs: () => 0,
      onStep: () => undefined,
      isSized: false,
    });
    const maxEntries = Math.max(1, Math.round(entries * sampledRatio));
    core.reconfigure({ maxEntries, maxBytes: Infinity, eviction });
    // What was requested before the log begins is not known: the first half only fills the cache.
    const countedFrom = this.#isWhole ? 0 : this.#count >>> 1;
    let hits = 0;
    let reads = 0;
    for (let index = 0; index < this.#count; index += 1) {
      const logged = this.#log[index] as number;
      const isRead = (logged & 1) === 0;
      const isHit = isRead && core.get(logged | 1) !== undefined;
      if (!isHit) core.set(logged | 1, true, 0, Infinity);
      if (!isRead || index < countedFrom) continue;
      reads += 1;
      if (isHit) hits += 1;
    }
    return {
      entries,
      eviction,
      hitRatio: this.#corrected(hits, reads, sampledRatio),
      sampledRatio,
      sampledRequests: reads,
    };
  }

  /** Few keys get many requests: if those are in the sample, or are not, it is off by as many hits. */
  #corrected(hits: number, reads: number, sampledRatio: number): number {
    if (reads === 0) return 0;
    const expected = this.#isWhole ? this.#reads * sampledRatio : reads;
    return Math.min(1, Math.max(0, (hits + expected - reads) / expected));
  }

  #isWatched(hash: number): boolean {
    return this.#dropBits === 0 || hash >>> (32 - this.#dropBits) === 0;
  }

  #add(logged: number): void {
    if (this.#count === this.#log.length) this.#makeRoom();
    this.#log[this.#count] = logged;
    this.#count += 1;
  }

  #makeRoom(): void {
    if (this.#log.length < mostRequests) {
      this.#log = grownInt32(this.#log, 2 * this.#log.length);
      return;
    }
    if (2 ** -(this.#dropBits + 1) < this.#leastRatio) {
      this.#log.copyWithin(0, this.#count >>> 1);
      this.#count -= this.#count >>> 1;
      this.#isWhole = false;
      return;
    }
    this.#dropBits += 1;
    let kept = 0;
    for (let index = 0; index < this.#count; index += 1) {
      const logged = this.#log[index] as number;
      if (!this.#isWatched(logged)) continue;
      this.#log[kept] = logged;
      kept += 1;
    }
    this.#count = kept;
  }
}
