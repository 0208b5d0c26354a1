/** Runs some pieces of work at a time, and meets the failure of any of them. */
export class OverlappingWork implements AsyncDisposable {
  readonly #limit: number;
  readonly #running: Promise<void>[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins a piece, and waits until there is room for another one. */
  async add(work: () => Promise<void>): Promise<void> {
    const running = work();
    running.catch(() => undefined);
    this.#running.push(running);
    if (this.#running.length >= this.#limit) await this.#running.shift();
  }

  /** Waits for all, and throws the first failure. */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Waits for all, whatever became of them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
