import { grownCount, grownInt32 } from './slot-table.js';

/**
 * Slots in order of the time at which they expire: a binary heap that knows where each slot is.
 *
 * Costs nothing until a slot is added.
 */
export class ExpiryHeap {
  /** When a slot expires; 0 where it does not. */
  #timesMs: Float64Array = new Float64Array(0);
  #heap: Int32Array = new Int32Array(0);
  /** Place of a slot in the heap, plus 1; 0 where it is not there. */
  #places: Int32Array = new Int32Array(0);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The slot that expires first; 0 where there is none. */
  get first(): number {
    return this.#count === 0 ? 0 : (this.#heap[0] as number);
  }

  /** Whether a slot has expired. */
  isDue(slot: number, nowMs: number): boolean {
    return this.#has(slot) && (this.#timesMs[slot] as number) <= nowMs;
  }

  /** When a slot expires; `Infinity` where it does not. */
  timeOf(slot: number): number {
    return this.#has(slot) ? (this.#timesMs[slot] as number) : Infinity;
  }

  /** Sets when a slot expires; `Infinity` takes it out. */
  set(slot: number, atMs: number): void {
    if (atMs === Infinity) {
      this.remove(slot);
      return;
    }
    if (slot >= this.#places.length) this.#growTo(slot);
    this.#timesMs[slot] = atMs;
    const place = (this.#places[slot] as number) - 1;
    if (place < 0) {
      if (this.#count === this.#heap.length) {
        this.#heap = grownInt32(this.#heap, grownCount(this.#count, this.#places.length));
      }
      this.#count += 1;
      this.#rise(this.#count - 1, slot);
    } else {
      this.#settle(place, slot);
    }
  }

  remove(slot: number): void {
    if (!this.#has(slot)) return;
    const place = (this.#places[slot] as number) - 1;
    this.#places[slot] = 0;
    this.#count -= 1;
    if (place < this.#count) this.#settle(place, this.#heap[this.#count] as number);
  }

  /** How many have expired; costs as much as there are. */
  countDue(nowMs: number): number {
    const places = [0];
    let dueCount = 0;
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      if (place >= this.#count || this.#timeAt(place) > nowMs) continue;
      dueCount += 1;
      places.push(2 * place + 1, 2 * place + 2);
    }
    return dueCount;
  }

  clear(): void {
    this.#timesMs = new Float64Array(0);
    this.#heap = new Int32Array(0);
    this.#places = new Int32Array(0);
    this.#count = 0;
  }

  #has(slot: number): boolean {
    return slot < this.#places.length && this.#places[slot] !== 0;
  }

  #growTo(slot: number): void {
    const length = Math.max(slot + 1, grownCount(this.#places.length, 0));
    this.#places = grownInt32(this.#places, length);
    const timesMs = new Float64Array(length);
    timesMs.set(this.#timesMs);
    this.#timesMs = timesMs;
  }

  #timeAt(place: number): number {
    return this.#timesMs[this.#heap[place] as number] as number;
  }

  #settle(place: number, slot: number): void {
    const atMs = this.#timesMs[slot] as number;
    if (place > 0 && this.#timeAt((place - 1) >>> 1) > atMs) this.#rise(place, slot);
    else this.#sink(place, slot);
  }

  #rise(from: number, slot: number): void {
    const atMs = this.#timesMs[slot] as number;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (this.#timeAt(parent) <= atMs) break;
      this.#put(place, this.#heap[parent] as number);
      place = parent;
    }
    this.#put(place, slot);
  }

  #sink(from: number, slot: number): void {
    const atMs = this.#timesMs[slot] as number;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#count) break;
      if (child + 1 < this.#count && this.#timeAt(child + 1) < this.#timeAt(child)) child += 1;
      if (this.#timeAt(child) >= atMs) break;
      this.#put(place, this.#heap[child] as number);
      place = child;
    }
    this.#put(place, slot);
  }

  #put(place: number, slot: number): void {
    this.#heap[place] = slot;
    this.#places[slot] = place + 1;
  }
}
