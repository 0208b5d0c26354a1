/** Slots below this one are the ends of lists, not entries. */
export const firstSlot = 8;

/**
 * Keys and values in numbered slots, and rings of slots.
 *
 * What belongs to one slot lies together: both neighbours in `links`; keys and values
 * lie apart, because reading needs no key.
 * A ring is closed by one of the slots below {@link firstSlot}, so adding and removing never ask
 * for an end. Everything grows with the content.
 *
 * A slot without a value is a ghost: a key that a policy remembers.
 */
export class SlotTable<K, V> {
  readonly slots = new Map<K, number>();
  /** By slot. */
  keys: (K | undefined)[] = [];
  /** By slot. */
  values: (V | undefined)[] = [];
  /** Slot before slot i at 2i, slot after it at 2i + 1. */
  links: Int32Array = new Int32Array(0);
  /** Slots that will be needed at most, as far as is known: growth stops there first. */
  expectedCount = 0;
  #nextUnused = firstSlot;
  #firstFree = 0;

  constructor() {
    this.clear();
  }

  /** Slots up to this one have been used. */
  get usedEnd(): number {
    return this.#nextUnused;
  }

  keyAt(slot: number): K {
    return this.keys[slot] as K;
  }

  valueAt(slot: number): V | undefined {
    return this.values[slot];
  }

  /** Takes a slot for a key that has none. It is in no ring yet. */
  add(key: K, value: V): number {
    let slot = this.#firstFree;
    if (slot === 0) {
      slot = this.#nextUnused;
      if (2 * slot >= this.links.length) this.#grow();
      this.#nextUnused = slot + 1;
    } else {
      this.#firstFree = this.links[2 * slot] as number;
    }
    this.keys[slot] = key;
    this.values[slot] = value;
    this.slots.set(key, slot);
    return slot;
  }

  /** Lets go of a slot that is in no ring any more. */
  release(slot: number): void {
    this.slots.delete(this.keys[slot] as K);
    this.keys[slot] = undefined;
    this.values[slot] = undefined;
    this.links[2 * slot] = this.#firstFree;
    this.#firstFree = slot;
  }

  unlink(slot: number): void {
    const links = this.links;
    const before = links[2 * slot] as number;
    const after = links[2 * slot + 1] as number;
    links[2 * before + 1] = after;
    links[2 * after] = before;
  }

  /** Puts a slot at the start of the ring that `end` closes. */
  linkFirst(end: number, slot: number): void {
    const links = this.links;
    const after = links[2 * end + 1] as number;
    links[2 * slot] = end;
    links[2 * slot + 1] = after;
    links[2 * after] = slot;
    links[2 * end + 1] = slot;
  }

  /** Puts a slot at the other end. */
  linkLast(end: number, slot: number): void {
    const links = this.links;
    const before = links[2 * end] as number;
    links[2 * slot] = before;
    links[2 * slot + 1] = end;
    links[2 * before + 1] = slot;
    links[2 * end] = slot;
  }

  /** First slot of a ring; 0 where it is empty. */
  first(end: number): number {
    const slot = this.links[2 * end + 1] as number;
    return slot === end ? 0 : slot;
  }

  /** Last slot of a ring; 0 where it is empty. */
  last(end: number): number {
    const slot = this.links[2 * end] as number;
    return slot === end ? 0 : slot;
  }

  /** Slots of a ring, from its first to its last. */
  ring(end: number): number[] {
    const slots: number[] = [];
    for (let slot = this.first(end); slot !== 0 && slot !== end; ) {
      slots.push(slot);
      slot = this.links[2 * slot + 1] as number;
    }
    return slots;
  }

  clear(): void {
    this.slots.clear();
    // Never an array of numbers: V8 would have to convert it later.
    this.keys = new Array<K | undefined>(firstSlot).fill(undefined);
    this.values = new Array<V | undefined>(firstSlot).fill(undefined);
    this.links = new Int32Array(2 * firstSlot);
    for (let end = 0; end < firstSlot; end += 1) this.links.fill(end, 2 * end, 2 * end + 2);
    this.#nextUnused = firstSlot;
    this.#firstFree = 0;
  }

  #grow(): void {
    const slotCount = grownCount(this.links.length / 2, this.expectedCount + firstSlot);
    this.links = grownInt32(this.links, 2 * slotCount);
    this.keys = grownArray(this.keys, slotCount);
    this.values = grownArray(this.values, slotCount);
  }
}

/** Next size of something that holds `count` and has to hold more: half as much again, or what is expected. */
export function grownCount(count: number, expectedCount: number): number {
  const grown = Math.max(64, count + (count >>> 1));
  return count < expectedCount && expectedCount < grown * 1.25 ? expectedCount : grown;
}

export function grownInt32(array: Int32Array, length: number): Int32Array {
  const grown = new Int32Array(length);
  grown.set(array);
  return grown;
}

function grownArray<T>(array: readonly T[], length: number): T[] {
  const grown = new Array<T>(length);
  for (let index = 0; index < array.length; index += 1) grown[index] = array[index] as T;
  return grown;
}
