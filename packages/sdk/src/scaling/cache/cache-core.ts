import { createPolicy, type PolicyParts } from '../eviction/create-policy.js';
import type { EvictionPolicy, EvictionPolicyName } from '../eviction/eviction-policy.js';
import { LruPolicy } from '../eviction/lru-policy.js';
import { PolicyMigration } from '../eviction/policy-migration.js';
import { EntrySizes, encodedBytes, overheadBytes } from './entry-sizes.js';
import { ExpiryHeap } from './expiry-heap.js';
import { firstSlot, SlotTable } from './slot-table.js';

/** Most entries that one step of a long change deals with, so that none holds up the process. */
const stepCount = 1_024;
/** Most entries that setting one evicts while a cut of the limits is under way. */
const catchUpCount = 16;

/** An entry left without being asked to. */
export interface Departure<K, V> {
  readonly key: K;
  readonly value: V;
  readonly reason: 'evicted' | 'expired';
}

/** Limits of a {@link CacheCore}. */
export interface CoreLimits {
  readonly maxEntries: number;
  /** `Infinity` where bytes do not count. */
  readonly maxBytes: number;
  readonly eviction: EvictionPolicyName;
}

/**
 * The entries of a cache: finds, keeps and evicts them, and tells nobody. What left is in
 * `departures`, if anybody wants to know.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- all but undefined and null
export class CacheCore<K extends {}, V extends {}> {
  readonly table = new SlotTable<K, V>();
  readonly expiries = new ExpiryHeap();
  /** Entries that are held, expired or not. */
  count = 0;
  evictedCount = 0;
  expiredCount = 0;
  /** What left, where `recordsDepartures`. Whoever reads it takes it out. */
  departures: Departure<K, V>[] = [];
  recordsDepartures = false;
  readonly #parts: PolicyParts;
  readonly #nowMs: () => number;
  readonly #onStep: () => void;
  #policy: EvictionPolicy;
  /** The policy, where it is this one: its calls are direct. */
  #lru: LruPolicy | undefined;
  #end = 0;
  #limits: CoreLimits = { maxEntries: 1, maxBytes: Infinity, eviction: 'LRU' };
  #maxEntries = 1;
  #maxBytes = Infinity;
  #sizes: EntrySizes | undefined;
  #measureAt = Infinity;
  /** A key that was just found absent: setting it need not look again. */
  #missed: K | undefined;
  #step: NodeJS.Immediate | undefined;

  /** @param options.onStep - Called after each step of a long change. */
  constructor(options: {
    readonly random: () => number;
    readonly nowMs: () => number;
    readonly onStep: () => void;
    readonly isSized: boolean;
  }) {
    this.#parts = { table: this.table, expiries: this.expiries, random: options.random };
    this.#nowMs = options.nowMs;
    this.#onStep = options.onStep;
    if (options.isSized) this.#sizes = new EntrySizes();
    this.#policy = createPolicy('LRU', 0, this.#parts);
  }

  /** Whether entries have to come with their bytes. */
  get isSized(): boolean {
    return this.#sizes !== undefined;
  }

  get totalBytes(): number {
    return (this.#sizes?.totalBytes ?? 0) + this.count * this.entryOverheadBytes;
  }

  get entryOverheadBytes(): number {
    return overheadBytes[this.#limits.eviction];
  }

  /** Entries that have not expired. */
  get liveCount(): number {
    if (this.expiries.count === 0) return this.count;
    this.#dropExpired();
    return this.count - this.expiries.countDue(this.#nowMs());
  }

  /** Reads a value and makes it count as used. */
  get(key: K): V | undefined {
    const table = this.table;
    const slot = table.slots.get(key);
    if (slot === undefined) {
      this.#missed = key;
      return undefined;
    }
    const value = table.values[slot];
    if (value === undefined) return undefined;
    if (this.expiries.count !== 0 && this.#dropIfExpired(slot)) return undefined;
    if (this.#lru !== undefined) this.#lru.hit(slot);
    else this.#policy.hit(slot);
    return value;
  }

  peek(key: K): V | undefined {
    const slot = this.table.slots.get(key);
    if (slot === undefined) return undefined;
    if (this.expiries.count !== 0 && this.#dropIfExpired(slot)) return undefined;
    return this.table.valueAt(slot);
  }

  /** Keeps a value that is not larger than everything may be. */
  set(key: K, value: V, bytes: number, expiresAtMs: number): void {
    const table = this.table;
    let slot = 0;
    if (key === this.#missed) {
      this.#missed = undefined;
    } else {
      const known = table.slots.get(key);
      if (known !== undefined) {
        if (table.values[known] !== undefined) {
          this.#replace(known, value, bytes, expiresAtMs);
          return;
        }
        if (this.#policy.revive(known)) slot = known;
      }
    }
    if (this.count >= this.#maxEntries || this.#maxBytes !== Infinity) this.#makeRoom(bytes);
    if (slot === 0) slot = table.add(key, value);
    else table.values[slot] = value;
    this.count += 1;
    if (this.#sizes !== undefined) this.#sizes.set(slot, bytes);
    if (expiresAtMs !== Infinity) this.expiries.set(slot, expiresAtMs);
    if (this.#lru !== undefined) this.#lru.insert(slot);
    else this.#insert(slot);
  }

  /** Removes a key, and counts a value that had expired when it came. */
  arriveExpired(key: K, value: V): void {
    this.delete(key);
    this.expiredCount += 1;
    if (this.recordsDepartures) this.departures.push({ key, value, reason: 'expired' });
  }

  /** Removes a key. Returns whether it had a value that has not expired. */
  delete(key: K): boolean {
    const slot = this.table.slots.get(key);
    if (slot === undefined || this.table.valueAt(slot) === undefined) return false;
    if (this.expiries.count !== 0 && this.#dropIfExpired(slot)) return false;
    this.#policy.remove(slot);
    this.#leave(slot);
    this.table.release(slot);
    return true;
  }

  clear(): void {
    clearImmediate(this.#step);
    this.#step = undefined;
    this.table.clear();
    this.expiries.clear();
    this.count = 0;
    this.#missed = undefined;
    this.#measureAt = Infinity;
    if (this.#sizes !== undefined) this.#sizes = new EntrySizes();
    this.#use(createPolicy(this.#limits.eviction, 0, this.#parts), 0);
  }

  /** Slots of the entries, from the most to the least recent. */
  order(): readonly number[] {
    return this.#policy.order();
  }

  /** Whether a slot has an entry that has not expired. */
  isLive(slot: number): boolean {
    if (this.table.valueAt(slot) === undefined) return false;
    return this.expiries.count === 0 || !this.expiries.isDue(slot, this.#nowMs());
  }

  reconfigure(limits: CoreLimits): void {
    const isOther = limits.eviction !== this.#limits.eviction;
    this.#limits = limits;
    this.#maxEntries = limits.maxEntries;
    this.#maxBytes = limits.maxBytes;
    if (limits.maxBytes !== Infinity && this.#sizes === undefined) {
      this.#sizes = new EntrySizes();
      this.#sizes.expect(this.table.usedEnd);
      this.#measureAt = firstSlot;
    }
    this.table.expectedCount =
      limits.eviction === 'ARC' ? 2 * limits.maxEntries : limits.maxEntries;
    if (this.count === 0 && this.table.slots.size === 0) {
      this.#use(createPolicy(limits.eviction, 0, this.#parts), 0);
    } else if (isOther) {
      this.#migrate();
    }
    this.#policy.capacity = limits.maxEntries;
    this.#change();
  }

  #use(policy: EvictionPolicy, end: number): void {
    policy.capacity = this.#limits.maxEntries;
    this.#policy = policy;
    this.#end = end;
    this.#lru = policy instanceof LruPolicy ? policy : undefined;
  }

  /** Begins to hand over to the policy that is wanted, unless that is being done. */
  #migrate(): void {
    if (this.#policy instanceof PolicyMigration) return;
    if (this.#policy.name === this.#limits.eviction) return;
    const end = this.#end === 0 ? firstSlot / 2 : 0;
    const next = createPolicy(this.#limits.eviction, end, this.#parts);
    this.#use(new PolicyMigration(this.table, this.#policy, next), end);
  }

  #insert(slot: number): void {
    const policy = this.#policy;
    if (this.count > policy.capacity) {
      policy.capacity = Math.min(this.count, this.#maxEntries);
    }
    policy.insert(slot);
  }

  #replace(slot: number, value: V, bytes: number, expiresAtMs: number): void {
    this.table.values[slot] = value;
    if (this.#sizes !== undefined) this.#sizes.set(slot, bytes);
    if (expiresAtMs !== Infinity || this.expiries.count !== 0) this.expiries.set(slot, expiresAtMs);
    if (this.#lru !== undefined) this.#lru.hit(slot);
    else this.#policy.renew(slot);
    if (this.#maxBytes !== Infinity && this.#isOver(0, 0)) this.#makeRoomFor(0, 0);
  }

  #makeRoom(bytes: number): void {
    const newBytes = this.#sizes === undefined ? 0 : bytes + this.entryOverheadBytes;
    if (this.#isOver(1, newBytes)) this.#makeRoomFor(1, newBytes);
  }

  #isOver(newCount: number, newBytes: number): boolean {
    if (this.count + newCount > this.#maxEntries) return true;
    return this.#maxBytes !== Infinity && this.totalBytes + newBytes > this.#maxBytes;
  }

  #makeRoomFor(newCount: number, newBytes: number): void {
    if (this.expiries.count !== 0) this.#dropExpired();
    let left = this.count > this.#maxEntries ? catchUpCount : stepCount;
    while (this.#isOver(newCount, newBytes)) {
      if (left === 0) {
        this.#stepLater();
        return;
      }
      left -= 1;
      if (!this.#evict()) return;
    }
  }

  #evict(): boolean {
    const policy = this.#lru ?? this.#policy;
    // Bytes are the limit: as many as there are is what fits.
    if (this.count < policy.capacity) {
      policy.capacity = Math.max(1, this.count);
      policy.trim(2);
    }
    const slot = policy.evict();
    if (slot === 0) return false;
    this.evictedCount += 1;
    if (this.recordsDepartures) this.#record(slot, 'evicted');
    this.#leave(slot);
    if (policy.isGhost(slot)) this.table.values[slot] = undefined;
    else this.table.release(slot);
    return true;
  }

  #leave(slot: number): void {
    this.count -= 1;
    if (this.#sizes !== undefined) this.#sizes.remove(slot);
    if (this.expiries.count !== 0) this.expiries.remove(slot);
  }

  #record(slot: number, reason: Departure<K, V>['reason']): void {
    const value = this.table.valueAt(slot);
    if (value !== undefined) this.departures.push({ key: this.table.keyAt(slot), value, reason });
  }

  #dropIfExpired(slot: number): boolean {
    if (!this.expiries.isDue(slot, this.#nowMs())) return false;
    this.#expire(slot);
    return true;
  }

  #expire(slot: number): void {
    this.expiredCount += 1;
    if (this.recordsDepartures) this.#record(slot, 'expired');
    this.#policy.remove(slot);
    this.#leave(slot);
    this.table.release(slot);
  }

  #dropExpired(): boolean {
    if (this.expiries.count === 0) return true;
    const nowMs = this.#nowMs();
    for (let dropped = 0; dropped < stepCount; dropped += 1) {
      const slot = this.expiries.first;
      if (slot === 0 || !this.expiries.isDue(slot, nowMs)) return true;
      this.#expire(slot);
    }
    this.#stepLater();
    return false;
  }

  /** One step of all changes that are under way; the next one follows where there is more. */
  #change(): void {
    let isDone = this.#measure() && this.#dropExpired();
    if (this.#isOver(0, 0)) {
      for (let left = stepCount; left > 0 && this.#isOver(0, 0); left -= 1) {
        if (!this.#evict()) break;
      }
    }
    if (this.#policy.trim(stepCount)) isDone = false;
    if (this.#policy instanceof PolicyMigration) {
      if (this.#policy.step(stepCount)) this.#use(this.#policy.target, this.#end);
      isDone = false;
      this.#migrate();
    }
    if (!isDone || (this.#isOver(0, 0) && this.count > 0)) this.#stepLater();
  }

  #measure(): boolean {
    const sizes = this.#sizes;
    if (sizes === undefined || this.#measureAt === Infinity) return true;
    const end = Math.min(this.table.usedEnd, this.#measureAt + stepCount);
    for (let slot = this.#measureAt; slot < end; slot += 1) {
      if (sizes.isMeasured(slot)) continue;
      const value = this.table.valueAt(slot);
      sizes.set(slot, value === undefined ? 0 : encodedBytes(value, this.table.keyAt(slot)));
    }
    this.#measureAt = end >= this.table.usedEnd ? Infinity : end;
    return this.#measureAt === Infinity;
  }

  #stepLater(): void {
    this.#step ??= setImmediate(() => {
      this.#step = undefined;
      this.#change();
      this.#onStep();
    }).unref();
  }
}
