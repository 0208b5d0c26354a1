import type { Clock } from '../plugin/clock.js';

/** Options of {@link LogExpiry}. */
export interface LogExpiryOptions {
  readonly clock: Clock;
  /** When the oldest frame becomes too old, if one is held: milliseconds since the epoch. */
  readonly dueAtMs: () => number | undefined;
  /** Removes what is too old; never rejects. */
  readonly trim: () => Promise<void>;
}

const shortestMs = 1_000;
/** The wall clock may jump, so it is looked at now and then. */
const longestMs = 3_600_000;

/** Sees to it that entries go when they are too old, also where nobody uses the log. */
export class LogExpiry implements Disposable {
  readonly #options: LogExpiryOptions;
  #timer: Disposable | undefined;
  #isDisposed = false;

  constructor(options: LogExpiryOptions) {
    this.#options = options;
  }

  /** Sets the timer, unless it is set or nothing is held. */
  arm(): void {
    if (this.#timer !== undefined || this.#isDisposed) return;
    const { clock, dueAtMs } = this.#options;
    const atMs = dueAtMs();
    if (atMs === undefined) return;
    const delayMs = Math.min(longestMs, Math.max(shortestMs, atMs - clock.now()));
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#expire();
    }, delayMs);
  }

  /** Sets the timer anew: the retention has changed. */
  rearm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.arm();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  async #expire(): Promise<void> {
    await this.#options.trim();
    this.arm();
  }
}
