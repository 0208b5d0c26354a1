import type { SlotTable } from '../cache/slot-table.js';
import type { EvictionPolicy } from './eviction-policy.js';

/**
 * Hands the entries of one policy over to another while the cache is in use: a few at a time, the
 * most recent first, so that their order stays. What is used meanwhile goes over at once; what is
 * evicted is the coldest of those that wait.
 */
export class PolicyMigration implements EvictionPolicy {
  readonly #table: SlotTable<unknown, unknown>;
  readonly #from: EvictionPolicy;
  readonly #to: EvictionPolicy;
  /** Slots that have been handed over. */
  #moved: Uint8Array;

  constructor(table: SlotTable<unknown, unknown>, from: EvictionPolicy, to: EvictionPolicy) {
    this.#table = table;
    this.#from = from;
    this.#to = to;
    this.#moved = new Uint8Array(table.usedEnd);
  }

  get name(): EvictionPolicy['name'] {
    return this.#to.name;
  }

  get capacity(): number {
    return this.#to.capacity;
  }

  set capacity(capacity: number) {
    this.#from.capacity = capacity;
    this.#to.capacity = capacity;
  }

  /** The policy that has everything in the end. */
  get target(): EvictionPolicy {
    return this.#to;
  }

  /** Hands over at most `mostCount` entries. Returns whether all are. */
  step(mostCount: number): boolean {
    if (this.#from.trim(mostCount, 0)) return false;
    for (let count = 0; count < mostCount; count += 1) {
      const slot = this.#from.hottest();
      if (slot === 0) return true;
      this.#from.remove(slot);
      this.#to.append(slot);
      this.#setMoved(slot, 1);
    }
    return this.#from.hottest() === 0;
  }

  hit(slot: number): void {
    if (this.#isMoved(slot)) this.#to.hit(slot);
    else this.#take(slot);
  }

  renew(slot: number): void {
    if (this.#isMoved(slot)) this.#to.renew(slot);
    else this.#take(slot);
  }

  revive(slot: number): boolean {
    if (this.#isMoved(slot)) return this.#to.revive(slot);
    if (this.#from.revive(slot)) this.#table.release(slot);
    return false;
  }

  insert(slot: number): void {
    this.#to.insert(slot);
    this.#setMoved(slot, 1);
  }

  append(slot: number): void {
    this.#to.append(slot);
    this.#setMoved(slot, 1);
  }

  evict(): number {
    const slot = this.#from.evict(true);
    return slot === 0 ? this.#to.evict(true) : slot;
  }

  isGhost(slot: number): boolean {
    return this.#isMoved(slot) ? this.#to.isGhost(slot) : this.#from.isGhost(slot);
  }

  remove(slot: number): void {
    if (this.#isMoved(slot)) this.#to.remove(slot);
    else this.#from.remove(slot);
  }

  hottest(): number {
    const slot = this.#to.hottest();
    return slot === 0 ? this.#from.hottest() : slot;
  }

  trim(mostCount: number, ghostCapacity?: number): boolean {
    return this.#to.trim(mostCount, ghostCapacity);
  }

  order(): readonly number[] {
    return [...this.#to.order(), ...this.#from.order()];
  }

  #take(slot: number): void {
    this.#from.remove(slot);
    this.#to.insert(slot);
    this.#setMoved(slot, 1);
  }

  #isMoved(slot: number): boolean {
    return this.#moved[slot] === 1;
  }

  #setMoved(slot: number, moved: number): void {
    if (slot >= this.#moved.length) {
      const grown = new Uint8Array(2 * slot);
      grown.set(this.#moved);
      this.#moved = grown;
    }
    this.#moved[slot] = moved;
  }
}
