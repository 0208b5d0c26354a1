/**
 * Keeps clean-up away from what is in use by this process: digests of chunks and roots.
 *
 * Pin first, then look whether a thing is there. Clean-up watches first, then looks whether a
 * thing is referred to, and spares what was pinned meanwhile.
 */
export class ContentPins {
  readonly #counts = new Map<string, number>();
  readonly #watches = new Set<Set<string>>();
  #removing: Promise<void> | undefined;

  /** An empty set of pins that grows by {@link PinSet.add}. */
  open(): PinSet {
    return new PinSet(this.#counts, this.#watches);
  }

  /** Tells watchers of something that is about to be referred to. */
  touch(digest: string): void {
    for (const watch of this.#watches) watch.add(digest);
  }

  /** Resolves when no removal is under way: what is there now stays while pinned. */
  async settled(): Promise<void> {
    while (this.#removing !== undefined) await this.#removing;
  }

  /** Begins to note what is pinned from now on. */
  watch(): PinWatch {
    const seen = new Set<string>();
    this.#watches.add(seen);
    return {
      isSpared: (digest) => this.#counts.has(digest) || seen.has(digest),
      [Symbol.dispose]: () => {
        this.#watches.delete(seen);
      },
    };
  }

  /** Runs a removal, chosen in the same turn, that {@link settled} waits for. */
  async remove(removal: () => Promise<void>): Promise<void> {
    const running = removal();
    this.#removing = running.then(
      () => undefined,
      () => undefined,
    );
    try {
      await running;
    } finally {
      this.#removing = undefined;
    }
  }
}

/** See {@link ContentPins.watch}. */
export interface PinWatch extends Disposable {
  /** Whether it is pinned, or was at any time since the watch began. */
  isSpared(digest: string): boolean;
}

/** Pins of one stage; disposing it releases them all. */
export class PinSet implements Disposable {
  readonly #counts: Map<string, number>;
  readonly #watches: Set<Set<string>>;
  readonly #held = new Set<string>();

  constructor(counts: Map<string, number>, watches: Set<Set<string>>) {
    this.#counts = counts;
    this.#watches = watches;
  }

  /** @returns Whether it was not in this set before. */
  add(digest: string): boolean {
    if (this.#held.has(digest)) return false;
    this.#held.add(digest);
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
    for (const watch of this.#watches) watch.add(digest);
    return true;
  }

  [Symbol.dispose](): void {
    for (const digest of this.#held) {
      // What was pinned when a look at the store began may have been referred to since.
      for (const watch of this.#watches) watch.add(digest);
      const count = (this.#counts.get(digest) ?? 1) - 1;
      if (count === 0) this.#counts.delete(digest);
      else this.#counts.set(digest, count);
    }
    this.#held.clear();
  }
}
