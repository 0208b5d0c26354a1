/** Where time comes from, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. */
  now(): number;
  /** Milliseconds since some moment of this process; never goes back. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`, unless disposed. Does not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number): Disposable;
}

/** The machine's clock. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout: (callback: () => void, delayMs: number): Disposable => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return {
      [Symbol.dispose]: () => {
        clearTimeout(timer);
      },
    };
  },
});

/**
 * Waits on a clock.
 *
 * @throws `signal.reason` when aborted; the timer is gone then.
 */
export function delay(
  delayMs: number,
  options: { readonly clock?: Clock; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { clock = systemClock, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
