import type { SlotTable } from '../cache/slot-table.js';
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
/** Candidates that one entry turns away in a row before the next entry has to face them. */
const mostWins = 4;

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
  readonly #table: SlotTable<unknown, unknown>;
  readonly #slots: RankedSlots;
  readonly #random: () => number;
  readonly #keyHash: KeyHash;
  readonly #sketch = new FrequencySketch();
  readonly #climber = new WindowClimber();
  #capacity = 1;
  #sampleCount = samplePerEntry;
  #mostInWindow = 1;
  #mostGuarded = 0;
  #winner = 0;
  #wins = 0;
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

  get capacity(): number {
    return this.#capacity;
  }

  set capacity(capacity: number) {
    this.#capacity = capacity;
    this.#divide();
  }

  hit(slot: number): void {
    const slots = this.#slots;
    this.#sketch.add(slots.numberOf(slot), this.#sampleCount);
    if (this.#climber.hit(this.#sampleCount)) this.#divide();
    const ring = slots.ringOf(slot);
    if (ring !== probation) {
      slots.use(slot, ring);
      return;
    }
    slots.use(slot, guarded);
    this.#probationCount -= 1;
    this.#guardedCount += 1;
    if (this.#guardedCount > this.#mostGuarded) this.#demote();
  }

  renew(slot: number): void {
    this.hit(slot);
  }

  revive(): boolean {
    return false;
  }

  insert(slot: number): void {
    this.#remember(slot);
    if (this.#climber.miss(this.#sampleCount)) this.#divide();
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
    if (this.#windowCount >= this.#mostInWindow && !this.#admits(candidate, victim)) {
      this.remove(candidate);
      this.#countWin(victim);
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

  /** Sets how large each part may be. */
  #divide(): void {
    const capacity = this.#capacity;
    this.#mostInWindow = Math.max(1, Math.floor(this.#climber.windowRatio * capacity));
    const rest = capacity - this.#mostInWindow;
    this.#mostGuarded = Math.max(0, Math.floor(rest - probationRatio * capacity));
    this.#sampleCount = samplePerEntry * capacity;
  }

  #remember(slot: number): void {
    const hash = this.#keyHash.of(this.#table.keyAt(slot));
    this.#slots.setNumber(slot, hash);
    this.#sketch.ensure(this.#entryCount() + 1);
    this.#sketch.add(hash, this.#sampleCount);
  }

  /** Moves what no longer fits in the window on, or back what now does; a few at a time. */
  #settleWindow(): void {
    const most = this.#mostInWindow;
    for (let moved = 0; moved < 8 && this.#windowCount > most; moved += 1) {
      this.#slots.move(this.#slots.last(window), probation);
      this.#windowCount -= 1;
      this.#probationCount += 1;
    }
    if (this.#guardedCount > this.#mostGuarded) this.#demote();
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

  /** An entry whose count is too high would otherwise keep everything out. */
  #countWin(slot: number): void {
    this.#wins = slot === this.#winner ? this.#wins + 1 : 1;
    this.#winner = slot;
    if (this.#wins < mostWins || this.#slots.ringOf(slot) !== probation) return;
    this.#slots.move(slot, probation);
    this.#winner = 0;
  }

  #admits(candidate: number, victim: number): boolean {
    const candidateCount = this.#sketch.count(this.#slots.numberOf(candidate));
    const victimCount = this.#sketch.count(this.#slots.numberOf(victim));
    const lead = candidateCount - victimCount;
    if (lead > 1 || (lead === 1 && !(victimCount > 1 && this.#isDue(victim, victimCount))))
      return true;
    return candidateCount >= suspiciousCount && this.#random() < admittedRatio;
  }
}
