/** Waits that grow from one failure to the next, each a random share of its turn's longest (full jitter). */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: {
    readonly firstMs: number;
    readonly longestMs: number;
    readonly random?: () => number;
  }) {
    this.#firstMs = options.firstMs;
    this.#longestMs = options.longestMs;
    this.#random = options.random ?? Math.random;
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    const longestMs = Math.min(this.#longestMs, this.#firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return Math.ceil(this.#random() * longestMs);
  }

  reset(): void {
    this.#failures = 0;
  }
}
