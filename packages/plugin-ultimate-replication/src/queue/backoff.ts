/** How long to wait between attempts, in milliseconds. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Source of numbers from 0 to 1. */
  readonly random?: () => number;
}

/** Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015). */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Counts a failure, and says how long to wait. */
  next(): number {
    const { firstMs, maxMs, random = Math.random } = this.#options;
    const ceilingMs = Math.min(maxMs, firstMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return Math.round(random() * ceilingMs);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
