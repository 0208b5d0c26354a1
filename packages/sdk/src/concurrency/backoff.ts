import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { type Clock, delay, systemClock } from '../plugin/clock.js';

/** How long to wait between attempts. */
export interface BackoffOptions {
  /** Longest wait after the first failure, in milliseconds; it doubles with each further one. */
  readonly firstMs: number;
  /** Longest wait after any, in milliseconds. */
  readonly maxMs: number;
  /** @defaultValue the machine's clock */
  readonly clock?: Clock;
  /**
   * Source of numbers from 0 to 1.
   * @defaultValue `Math.random`
   */
  readonly random?: () => number;
}

/** Doublings after which a wait no longer grows, so that no number overflows. */
const maxDoublings = 30;

/**
 * Waits that grow from one failure to the next, each a random share of its turn's longest, so that
 * many who failed together do not come back together: exponential backoff with full jitter (Brooker,
 * "Exponential Backoff And Jitter", 2015).
 */
@SdkCompatibility('6.0.0')
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Counts a failure, and says how many milliseconds to wait. */
  next(): number {
    const { firstMs, maxMs, random = Math.random } = this.#options;
    const longestMs = Math.min(maxMs, firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, maxDoublings);
    return Math.ceil(random() * longestMs);
  }

  /**
   * Counts a failure, and waits.
   *
   * @throws `signal.reason` when aborted.
   */
  wait(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { clock = systemClock } = this.#options;
    return delay(this.next(), { clock, signal: options.signal });
  }

  /** Begins anew, after a success. */
  reset(): void {
    this.#failures = 0;
  }
}
