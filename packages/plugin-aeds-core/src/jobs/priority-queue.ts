interface Node<T> {
  readonly item: T;
  readonly score: number;
  readonly sequence: number;
}

/** Gives back what has the highest score, and among equals what came first. A binary heap. */
export class PriorityQueue<T> {
  readonly #heap: Node<T>[] = [];
  #nextSequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(item: T, score: number): void {
    const node = { item, score, sequence: this.#nextSequence++ };
    let index = this.#heap.push(node) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex];
      if (parent === undefined || isBefore(parent, node)) break;
      this.#heap[index] = parent;
      index = parentIndex;
    }
    this.#heap[index] = node;
  }

  pop(): T | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.#heap.length > 0) this.#sink(last);
    return first.item;
  }

  /** Puts a node into the hole at the top, and lets it sink to its place. */
  #sink(node: Node<T>): void {
    let index = 0;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const isRight = right !== undefined && left !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || isBefore(node, child)) break;
      this.#heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    this.#heap[index] = node;
  }
}

function isBefore(a: Node<unknown>, b: Node<unknown>): boolean {
  return a.score === b.score ? a.sequence < b.sequence : a.score > b.score;
}
