import type { SlotTable } from '../cache/slot-table.js';
import type { EvictionPolicy } from './eviction-policy.js';
import { RankedSlots } from './ranked-slots.js';

/** Rings: entries seen once and seen again lately, and the ghosts of either. */
const recent = 0;
const frequent = 1;
const recentGhosts = 2;
const frequentGhosts = 3;

/**
 * Adaptive replacement: N. Megiddo and D. S. Modha, "ARC: A Self-Tuning, Low Overhead Replacement
 * Cache", FAST 2003. Their T1, T2, B1, B2 are `recent`, `frequent` and the ghosts of both.
 *
 * An entry that was removed leaves room, which the paper does not know: nothing is evicted before
 * it is taken.
 */
export class ArcPolicy implements EvictionPolicy {
  readonly name = 'ARC';
  readonly #table: SlotTable<unknown, unknown>;
  readonly #slots: RankedSlots;
  #capacity = 1;
  /** How many entries are to be `recent`: the paper's p. */
  #target = 0;
  #recent = 0;
  #frequent = 0;
  #recentGhosts = 0;
  #frequentGhosts = 0;
  /** The slot that comes back, between `revive` and `insert`. */
  #reviving = 0;
  #revivesFrequent = false;

  /** @param end - The first of four slots that close its rings. */
  constructor(table: SlotTable<unknown, unknown>, end: number) {
    this.#table = table;
    this.#slots = new RankedSlots(table, end);
  }

  get capacity(): number {
    return this.#capacity;
  }

  set capacity(capacity: number) {
    this.#capacity = capacity;
    this.#target = Math.min(this.#target, capacity);
  }

  /** What the paper names p, |T1|, |T2|, |B1| and |B2|. */
  get state(): readonly [number, number, number, number, number] {
    return [this.#target, this.#recent, this.#frequent, this.#recentGhosts, this.#frequentGhosts];
  }

  hit(slot: number): void {
    if (this.#slots.ringOf(slot) === recent) {
      this.#recent -= 1;
      this.#frequent += 1;
    }
    this.#slots.use(slot, frequent);
  }

  renew(slot: number): void {
    this.hit(slot);
  }

  revive(slot: number): boolean {
    const revivesFrequent = this.#slots.ringOf(slot) === frequentGhosts;
    this.#slots.remove(slot);
    if (revivesFrequent) {
      const step = Math.max(1, this.#recentGhosts / this.#frequentGhosts);
      this.#target = Math.max(0, this.#target - step);
      this.#frequentGhosts -= 1;
    } else {
      const step = Math.max(1, this.#frequentGhosts / this.#recentGhosts);
      this.#target = Math.min(this.#capacity, this.#target + step);
      this.#recentGhosts -= 1;
    }
    this.#reviving = slot;
    this.#revivesFrequent = revivesFrequent;
    return true;
  }

  insert(slot: number): void {
    if (slot === this.#reviving) {
      this.#reviving = 0;
      this.#revivesFrequent = false;
      this.#frequent += 1;
      this.#slots.add(slot, frequent);
      return;
    }
    // The paper drops a ghost before it replaces; the result is the same.
    if (this.#recent + this.#recentGhosts >= this.#capacity) this.#dropGhost(recentGhosts);
    else if (this.#total() >= 2 * this.#capacity) this.#dropGhost(frequentGhosts);
    this.#recent += 1;
    this.#slots.add(slot, recent);
  }

  append(slot: number): void {
    this.#recent += 1;
    this.#slots.append(slot, recent);
  }

  evict(): number {
    const isOver =
      this.#recent > this.#target || (this.#revivesFrequent && this.#recent === this.#target);
    if (this.#frequent === 0 || (this.#recent > 0 && isOver)) {
      const slot = this.#slots.last(recent);
      if (slot === 0) return 0;
      this.#recent -= 1;
      this.#recentGhosts += 1;
      this.#slots.move(slot, recentGhosts);
      return slot;
    }
    const slot = this.#slots.last(frequent);
    this.#frequent -= 1;
    this.#frequentGhosts += 1;
    this.#slots.move(slot, frequentGhosts);
    return slot;
  }

  isGhost(slot: number): boolean {
    return this.#slots.ringOf(slot) >= recentGhosts;
  }

  remove(slot: number): void {
    if (this.#slots.ringOf(slot) === recent) this.#recent -= 1;
    else this.#frequent -= 1;
    this.#slots.remove(slot);
  }

  hottest(): number {
    return this.#slots.hottest([recent, frequent]);
  }

  trim(mostCount: number, ghostCapacity: number = this.#capacity): boolean {
    const mostRecent = Math.max(0, ghostCapacity - this.#recent);
    for (let count = 0; count < mostCount; count += 1) {
      if (this.#recentGhosts > mostRecent) this.#dropGhost(recentGhosts);
      else if (this.#frequentGhosts > 0 && this.#total() > 2 * ghostCapacity)
        this.#dropGhost(frequentGhosts);
      else return false;
    }
    return true;
  }

  order(): readonly number[] {
    return this.#slots.order([recent, frequent]);
  }

  #total(): number {
    return this.#recent + this.#frequent + this.#recentGhosts + this.#frequentGhosts;
  }

  #dropGhost(ring: number): void {
    const slot = this.#slots.last(ring);
    if (slot === 0) return;
    if (ring === recentGhosts) this.#recentGhosts -= 1;
    else this.#frequentGhosts -= 1;
    this.#slots.remove(slot);
    this.#table.release(slot);
  }
}
