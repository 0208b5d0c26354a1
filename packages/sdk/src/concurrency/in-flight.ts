/** Counts calls in flight, so that `close()` can wait for them. */
export class InFlight {
  #count = 0;
  #idle: (() => void)[] = [];

  /** Runs `work`, and counts it until it settles. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) {
        for (const resolve of this.#idle) resolve();
        this.#idle = [];
      }
    }
  }

  /** Resolves when nothing is in flight. */
  async drain(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
    });
  }
}
