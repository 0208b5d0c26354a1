/** Runs at most so many pieces of work at a time; the others wait in order of arrival. */
export class ConcurrencyLimit {
  readonly #waiting = new Set<() => void>();
  #maxConcurrent: number;
  #running = 0;

  constructor(maxConcurrent: number) {
    this.#maxConcurrent = maxConcurrent;
  }

  /** How many may run at a time. */
  get maxConcurrent(): number {
    return this.#maxConcurrent;
  }

  /** How many run now. */
  get running(): number {
    return this.#running;
  }

  /** Changes the limit at once; what runs goes on. */
  reconfigure(maxConcurrent: number): void {
    this.#maxConcurrent = maxConcurrent;
    this.#wake();
  }

  /** Runs `work` when there is room. An abort ends the wait, not the work. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#running >= this.#maxConcurrent) await this.#room(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#wake();
    }
  }

  #room(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.delete(start);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(start);
    });
  }

  #wake(): void {
    for (const start of this.#waiting) {
      if (this.#running >= this.#maxConcurrent) return;
      this.#waiting.delete(start);
      this.#running += 1;
      start();
    }
  }
}
