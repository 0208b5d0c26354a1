const smallestCapacity = 16;

/** First in, first out, at a constant cost an item. Its memory follows its length, up and down. */
export class RingQueue<T> {
  /** Its length is 0 or a power of two. */
  #items: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) {
      this.#resize(Math.max(smallestCapacity, this.#length * 2));
    }
    this.#items[(this.#head + this.#length) & (this.#items.length - 1)] = item;
    this.#length += 1;
  }

  /** Pushes `items` from `from` to before `to`. */
  pushSome(items: readonly (T | undefined)[], from: number, to: number): void {
    const length = this.#length + to - from;
    if (length > this.#items.length) {
      this.#resize(Math.max(smallestCapacity, 2 ** Math.ceil(Math.log2(length))));
    }
    const ring = this.#items;
    const start = this.#head + this.#length - from;
    const mask = ring.length - 1;
    for (let index = from; index < to; index += 1) ring[(start + index) & mask] = items[index];
    this.#length = length;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length -= 1;
    // Far apart from growing, so that a queue does not do both again and again.
    if (this.#items.length > 1024 && this.#length * 8 <= this.#items.length) {
      this.#resize(this.#items.length / 4);
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#length = 0;
  }

  #resize(capacity: number): void {
    const tail = this.#items.slice(this.#head);
    const items = tail.concat(this.#items.slice(0, this.#head)).slice(0, this.#length);
    while (items.length < capacity) items.push(undefined);
    this.#items = items;
    this.#head = 0;
  }
}
