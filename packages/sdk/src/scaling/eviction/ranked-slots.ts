import { firstSlot, grownCount, grownInt32, type SlotTable } from '../cache/slot-table.js';

/** Where the number of a ring ends and the time of the last use begins. */
const ringBits = 2;
const latestStamp = 2 ** 29 - 1;

/**
 * In which of four rings each slot is, when it was used last, and a number that its policy keeps:
 * together, because they are read together.
 */
export class RankedSlots {
  readonly #table: SlotTable<unknown, unknown>;
  readonly #firstEnd: number;
  /** Ring and last use of slot i at 2i, the number of the policy at 2i + 1. */
  #marks: Int32Array = new Int32Array(0);
  #stamp = 0;

  /** @param firstEnd - The slot that closes ring 0; the next ones close the other rings. */
  constructor(table: SlotTable<unknown, unknown>, firstEnd: number) {
    this.#table = table;
    this.#firstEnd = firstEnd;
  }

  numberOf(slot: number): number {
    return this.#marks[2 * slot + 1] as number;
  }

  setNumber(slot: number, number: number): void {
    if (2 * slot >= this.#marks.length) this.#grow(slot);
    this.#marks[2 * slot + 1] = number;
  }

  ringOf(slot: number): number {
    return (this.#marks[2 * slot] as number) & 3;
  }

  /** Uses of other slots since a slot was used. */
  ageOf(slot: number): number {
    return this.#stamp - this.#usedAt(slot);
  }

  /** Moves a slot, used now, to the start of a ring. */
  use(slot: number, ring: number): void {
    this.#table.unlink(slot);
    this.add(slot, ring);
  }

  /** Puts a slot that is in no ring at the start of one, used now. */
  add(slot: number, ring: number): void {
    if (2 * slot >= this.#marks.length) this.#grow(slot);
    if (this.#stamp === latestStamp) this.#age();
    this.#stamp += 1;
    this.#marks[2 * slot] = (this.#stamp << ringBits) | ring;
    this.#table.linkFirst(this.#firstEnd + ring, slot);
  }

  /** Puts a slot that is in no ring at the end of one, used before all others. */
  append(slot: number, ring: number): void {
    if (2 * slot >= this.#marks.length) this.#grow(slot);
    this.#marks[2 * slot] = ring;
    this.#table.linkLast(this.#firstEnd + ring, slot);
  }

  /** Moves a slot to the start of a ring without using it. */
  move(slot: number, ring: number): void {
    this.#table.unlink(slot);
    this.#table.linkFirst(this.#firstEnd + ring, slot);
    this.#marks[2 * slot] = ((this.#marks[2 * slot] as number) & ~3) | ring;
  }

  /** Takes a slot out of its ring. */
  remove(slot: number): void {
    this.#table.unlink(slot);
  }

  first(ring: number): number {
    return this.#table.first(this.#firstEnd + ring);
  }

  last(ring: number): number {
    return this.#table.last(this.#firstEnd + ring);
  }

  /** The first slot of some rings that was used last; 0 where they are empty. */
  hottest(rings: readonly number[]): number {
    let hottest = 0;
    for (const ring of rings) {
      const slot = this.first(ring);
      if (slot === 0) continue;
      if (hottest === 0 || this.#usedAt(slot) > this.#usedAt(hottest)) hottest = slot;
    }
    return hottest;
  }

  /** Slots of some rings, from the one used last to the one used first. */
  order(rings: readonly number[]): readonly number[] {
    const slots = rings.flatMap((ring) => this.#table.ring(this.#firstEnd + ring));
    return slots.sort((one, other) => this.#usedAt(other) - this.#usedAt(one));
  }

  #usedAt(slot: number): number {
    return (this.#marks[2 * slot] as number) >>> ringBits;
  }

  #grow(slot: number): void {
    const expectedCount = this.#table.expectedCount + firstSlot;
    const slotCount = Math.max(slot + 1, grownCount(this.#marks.length / 2, expectedCount));
    this.#marks = grownInt32(this.#marks, 2 * slotCount);
  }

  /** Makes room for later stamps: what was not used for half of them becomes equally old. */
  #age(): void {
    const marks = this.#marks;
    const half = (latestStamp + 1) / 2;
    for (let slot = 0; 2 * slot < marks.length; slot += 1) {
      const mark = marks[2 * slot] as number;
      marks[2 * slot] = (Math.max(0, (mark >>> ringBits) - half) << ringBits) | (mark & 3);
    }
    this.#stamp -= half;
  }
}
