import { comparePositions } from './job-paths.js';
import type { JobSlot } from './job-slot.js';
import { SLOT_COUNT } from './stored-job.js';

/** Slots by the place of their next job. A binary heap that each slot is in at most once. */
export class SlotHeap {
  readonly #slots: JobSlot[] = [];
  /** Place of each slot in the heap, by the slot's index; -1 for none. */
  readonly #places = new Int32Array(SLOT_COUNT).fill(-1);

  /** The slot whose next job goes first. */
  get first(): JobSlot | undefined {
    return this.#slots[0];
  }

  /** All slots that have, or may have, something to run. */
  get slots(): readonly JobSlot[] {
    return this.#slots;
  }

  /** To be called whenever the next job of a slot may be another. */
  update(slot: JobSlot): void {
    const place = this.#placeOf(slot);
    if (slot.head === undefined) {
      if (place >= 0) this.#remove(slot, place);
      return;
    }
    if (place < 0) this.#slots.push(slot);
    const from = place < 0 ? this.#slots.length - 1 : place;
    this.#sink(slot, this.#rise(slot, from));
  }

  #remove(slot: JobSlot, place: number): void {
    this.#places[slot.index] = -1;
    const last = this.#slots.pop();
    if (last === undefined || last === slot) return;
    this.#sink(last, this.#rise(last, place));
  }

  #rise(slot: JobSlot, from: number): number {
    let place = from;
    while (place > 0) {
      const parentPlace = (place - 1) >> 1;
      const parent = this.#slots[parentPlace];
      if (parent === undefined || isBefore(parent, slot)) break;
      this.#put(parent, place);
      place = parentPlace;
    }
    this.#put(slot, place);
    return place;
  }

  #sink(slot: JobSlot, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#slots[2 * place + 1];
      const right = this.#slots[2 * place + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || isBefore(slot, child)) break;
      this.#put(child, place);
      place = 2 * place + (isRight ? 2 : 1);
    }
    this.#put(slot, place);
  }

  #put(slot: JobSlot, place: number): void {
    this.#slots[place] = slot;
    this.#places[slot.index] = place;
  }

  #placeOf(slot: JobSlot): number {
    return this.#places[slot.index] ?? -1;
  }
}

/** Whether one goes first. Slots without a job go last; they are about to leave. */
function isBefore(one: JobSlot, other: JobSlot): boolean {
  if (other.head === undefined) return true;
  return one.head !== undefined && comparePositions(one.head, other.head) < 0;
}
