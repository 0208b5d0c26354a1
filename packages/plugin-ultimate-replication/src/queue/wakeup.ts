import type { Clock } from '@datawarehouse/sdk';

/** Looks whether a signal is aborted now: in a loop it may be, though it was not before. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Lets a loop sleep until its time is over or somebody has news for it. */
export class Wakeup {
  readonly #clock: Clock;
  #hasNews = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep, or spares the next one. */
  notify(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Sleeps. Resolves early on news and on an abort. */
  async sleep(limitMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasNews && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.setTimeout(resolve, limitMs);
        this.#wake = () => {
          timer[Symbol.dispose]();
          resolve();
        };
        signal.addEventListener('abort', this.#wake, { once: true });
      });
      if (this.#wake !== undefined) signal.removeEventListener('abort', this.#wake);
      this.#wake = undefined;
    }
    this.#hasNews = false;
  }
}
