interface Due<T> {
  readonly atMs: number;
  readonly item: T;
}

/**
 * Items in order of the time at which they expire: a binary heap.
 *
 * An item that is replaced or removed elsewhere stays in the heap until its time comes, or until
 * more than half of the heap is such.
 */
export class ExpiryQueue<T> {
  readonly #isCurrent: (item: T) => boolean;
  #heap: Due<T>[] = [];
  #compactAt = 64;

  /** @param isCurrent - Whether an item still counts. */
  constructor(isCurrent: (item: T) => boolean) {
    this.#isCurrent = isCurrent;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(item: T, atMs: number): void {
    if (this.#heap.length >= this.#compactAt) this.#compact();
    this.#heap.push({ atMs, item });
    this.#rise(this.#heap.length - 1);
  }

  /** Takes out the item that expired first, at or before `nowMs`. */
  takeDue(nowMs: number): T | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > nowMs) return undefined;
      const last = this.#heap.pop();
      if (last !== undefined && last !== first) {
        this.#heap[0] = last;
        this.#sink(0);
      }
      if (this.#isCurrent(first.item)) return first.item;
    }
  }

  clear(): void {
    this.#heap = [];
    this.#compactAt = 64;
  }

  #compact(): void {
    this.#heap = this.#heap.filter(({ item }) => this.#isCurrent(item));
    this.#heap.sort((a, b) => a.atMs - b.atMs);
    this.#compactAt = Math.max(64, 2 * this.#heap.length);
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!this.#swapUnlessOrdered(parent, index)) return;
      index = parent;
    }
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const smaller = this.#atMs(right) < this.#atMs(left) ? right : left;
      if (!this.#swapUnlessOrdered(index, smaller)) return;
      index = smaller;
    }
  }

  #swapUnlessOrdered(parent: number, child: number): boolean {
    const upper = this.#heap[parent];
    const lower = this.#heap[child];
    if (upper === undefined || lower === undefined || upper.atMs <= lower.atMs) return false;
    this.#heap[parent] = lower;
    this.#heap[child] = upper;
    return true;
  }

  #atMs(index: number): number {
    return this.#heap[index]?.atMs ?? Infinity;
  }
}
