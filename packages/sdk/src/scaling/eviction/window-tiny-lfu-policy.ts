import { firstSlot, grownCount, grownInt32, type SlotTable } from '../cache/slot-table.js';
import type { EvictionPolicy } from './eviction-policy.js';
import { FrequencySketch } from './frequency-sketch.js';
import { KeyHash } from './key-hash.js';
import { RankedSlots } from './ranked-slots.js';
import { WindowClimber } from './window-climber.js';

const probation = 0;
const guarded = 1;
const window = 2;
/** Least share of the entries that is on probation. */
const probationRatio = 0.18;
const samplePerEntry = 10;
/** From this count on a candidate that loses is let in now and then: its rivals may be forged. */
const suspiciousCount = 6;
const admittedRatio = 1 / 128;

/**
 * W-TinyLFU: new entries pass a window; one that leaves it stays only if it was seen more often
 * than the entry that would go instead. The window grows or shrinks while that raises the hit
 * ratio.
 *
 * G. Einziger, R. Friedman and B. Manes, "TinyLFU", ACM Transactions on Storage 13 (2017);
 * G. Einziger, O. Eytan, R. Friedman and B. Manes, "Adaptive Software Cache Management",
 * Middleware 2018.
 */
export class WindowTinyLfuPolicy implements EvictionPolicy {
  readonly name = 'W-TinyLFU';
  capacity = 1;
  readonly #table: SlotTable<unknown, unknown>;
  readonly #slots: RankedSlots;
  readonly #random: () => number;
  readonly #keyHash: KeyHash;
  readonly #sketch = new FrequencySketch();
  readonly #climber = new WindowClimber();
  #hashes: Int32Array = new Int32Array(0);
  #windowCount = 0;
  #probationCount = 0;
  #guardedCount = 0;

  /**
   * @param end - The first of four slots that close its rings.
   * @param random - At least 0, less than 1.
   */
  constructor(table: SlotTable<unknown, unknown>, end: number, random: () => number) {
    this.#table = table;
    this.#slots = new RankedSlots(table, end);
    this.#random = random;
    this.#keyHash = new KeyHash(random() * 2 ** 32);
  }

  hit(slot: number): void {
    const slots = this.#slots;
    this.#sketch.add(this.#hashes[slot] as number, samplePerEntry * this.capacity);
    this.#climber.hit(this.capacity);
    const ring = slots.ringOf(slot);
    if (ring !== probation) {
      slots.use(slot, ring);
      return;
    }
    slots.use(slot, guarded);
    this.#probationCount -= 1;
    this.#guardedCount += 1;
    if (this.#guardedCount > this.#mostGuarded()) this.#demote();
  }

  renew(slot: number): void {
    this.hit(slot);
  }

  revive(): boolean {
    return false;
  }

  insert(slot: number): void {
    this.#remember(slot);
    this.#climber.miss(this.capacity);
    this.#windowCount += 1;
    this.#slots.add(slot, window);
    this.#settleWindow();
  }

  append(slot: number): void {
    this.#remember(slot);
    this.#probationCount += 1;
    this.#slots.append(slot, probation);
  }

  evict(): number {
    const victim = this.#slots.last(probation) || this.#slots.last(guarded);
    const candidate = this.#slots.last(window);
    if (victim === 0 || candidate === 0) {
      const slot = victim === 0 ? candidate : victim;
      if (slot !== 0) this.remove(slot);
      return slot;
    }
    // One more is about to come into the window.
    if (this.#windowCount >= this.#mostInWindow() && !this.#admits(candidate, victim)) {
      this.remove(candidate);
      return candidate;
    }
    this.remove(victim);
    return victim;
  }

  isGhost(): boolean {
    return false;
  }

  remove(slot: number): void {
    const ring = this.#slots.ringOf(slot);
    if (ring === window) this.#windowCount -= 1;
    else if (ring === guarded) this.#guardedCount -= 1;
    else this.#probationCount -= 1;
    this.#slots.remove(slot);
  }

  hottest(): number {
    return this.#slots.hottest([window, guarded, probation]);
  }

  trim(): boolean {
    return false;
  }

  order(): readonly number[] {
    return this.#slots.order([window, guarded, probation]);
  }

  #entryCount(): number {
    return this.#windowCount + this.#probationCount + this.#guardedCount;
  }

  #mostInWindow(): number {
    return Math.max(1, Math.floor(this.#climber.windowRatio * this.capacity));
  }

  #mostGuarded(): number {
    const rest = this.capacity - this.#mostInWindow();
    return Math.max(0, Math.floor(rest - probationRatio * this.capacity));
  }

  #remember(slot: number): void {
    if (slot >= this.#hashes.length) {
      const expectedCount = this.#table.expectedCount + firstSlot;
      const length = Math.max(slot + 1, grownCount(this.#hashes.length, expectedCount));
      this.#hashes = grownInt32(this.#hashes, length);
    }
    const hash = this.#keyHash.of(this.#table.keyAt(slot));
    this.#hashes[slot] = hash;
    this.#sketch.ensure(this.#entryCount() + 1);
    this.#sketch.add(hash, samplePerEntry * this.capacity);
  }

  /** Moves what no longer fits in the window on, or back what now does; a few at a time. */
  #settleWindow(): void {
    const most = this.#mostInWindow();
    for (let moved = 0; moved < 8 && this.#windowCount > most; moved += 1) {
      this.#slots.move(this.#slots.last(window), probation);
      this.#windowCount -= 1;
      this.#probationCount += 1;
    }
    if (this.#guardedCount > this.#mostGuarded()) this.#demote();
  }

  #demote(): void {
    const slot = this.#slots.last(guarded);
    if (slot === 0) return;
    this.#slots.move(slot, probation);
    this.#guardedCount -= 1;
    this.#probationCount += 1;
  }

  /**
   * Whether an entry would come again soon, if its uses were evenly spaced. A candidate has just
   * been used, so it has one use more than such an entry that is used as often.
   */
  #isDue(slot: number, count: number): boolean {
    return this.#slots.ageOf(slot) * count <= this.#sketch.additionCount;
  }

  #admits(candidate: number, victim: number): boolean {
    const candidateCount = this.#sketch.count(this.#hashes[candidate] as number);
    const victimCount = this.#sketch.count(this.#hashes[victim] as number);
    const margin = victimCount > 1 && this.#isDue(victim, victimCount) ? 1 : 0;
    if (candidateCount > victimCount + margin) return true;
    return candidateCount >= suspiciousCount && this.#random() < admittedRatio;
  }
}
