import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';

/**
 * Lets so many pieces of work run at a time, the others in order of arrival. The limit can change
 * while it is in use.
 *
 * How many may wait is not limited: put a `BackpressureGate` before it where callers are many.
 */
@SdkCompatibility('6.0.0')
export class ConcurrencyLimit {
  readonly #waiting = new Set<() => void>();
  #maxConcurrent: number;
  #running = 0;

  /**
   * @param maxConcurrent - How many may run at a time; at least 1.
   * @throws TypeError where that is no whole number of at least 1.
   */
  constructor(maxConcurrent: number) {
    this.#maxConcurrent = checked(maxConcurrent);
  }

  /** How many may run at a time. */
  get maxConcurrent(): number {
    return this.#maxConcurrent;
  }

  /** How many run now. More than the limit only after it was lowered. */
  get running(): number {
    return this.#running;
  }

  /** How many wait for a place. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Changes the limit at once: more start now, or fewer as others end. What runs goes on.
   *
   * @throws TypeError as the constructor does; nothing has changed then.
   */
  reconfigure(maxConcurrent: number): void {
    this.#maxConcurrent = checked(maxConcurrent);
    this.#startWaiting();
  }

  /**
   * Waits for a place. Disposing gives it back, once.
   *
   * @throws `signal.reason` when aborted before there was a place.
   */
  async enter(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Disposable> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#running < this.#maxConcurrent) this.#running += 1;
    else await this.#room(signal);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#running -= 1;
        this.#startWaiting();
      },
    };
  }

  /**
   * Runs `work` when there is a place. An abort ends the wait, not the work.
   *
   * @throws what the work throws, or `signal.reason` when aborted before it began.
   */
  async run<T>(
    work: () => T | Promise<T>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    const place = await this.enter(options);
    try {
      return await work();
    } finally {
      place[Symbol.dispose]();
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

  #startWaiting(): void {
    for (const start of this.#waiting) {
      if (this.#running >= this.#maxConcurrent) return;
      this.#waiting.delete(start);
      this.#running += 1;
      start();
    }
  }
}

function checked(maxConcurrent: number): number {
  if (Number.isSafeInteger(maxConcurrent) && maxConcurrent >= 1) return maxConcurrent;
  throw new TypeError(`A limit of concurrency is a whole number of at least 1: ${maxConcurrent}`);
}
