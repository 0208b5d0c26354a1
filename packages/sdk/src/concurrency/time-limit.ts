import type { Clock } from '../plugin/clock.js';
import { LinkedAbort } from './linked-abort.js';

/** How long a piece of work may take, and what ends the wait earlier. */
export interface TimeLimitOptions {
  /** Milliseconds. */
  readonly limitMs: number;
  /** Makes the error for work that takes too long; it is the reason of the work's signal, too. */
  readonly error: () => Error;
  /** @defaultValue the machine's clock */
  readonly clock?: Clock;
  /** Ends the wait with its own reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told of a failure that nobody waited for any more; what it throws is not caught.
   * @defaultValue such failures are ignored
   */
  readonly onLateFailure?: (error: unknown) => void;
}

/**
 * Waits for work, but not longer than its limit. The work is told by its signal, and left behind
 * where it does not listen: its result is lost then.
 *
 * @throws what the work throws, what `error` makes when the time is over, or `signal.reason`; the
 *   work is not begun where the signal is aborted already.
 */
export async function withTimeLimit<T>(
  work: (signal: AbortSignal) => T | Promise<T>,
  options: TimeLimitOptions,
): Promise<T> {
  const { limitMs, error, clock, signal } = options;
  signal?.throwIfAborted();
  using limit = new LinkedAbort(signal);
  limit.abortAfter(limitMs, { reason: error, ...(clock && { clock }) });
  return await untilAborted(work, limit.signal, options.onLateFailure);
}

async function untilAborted<T>(
  work: (signal: AbortSignal) => T | Promise<T>,
  signal: AbortSignal,
  onLateFailure?: (error: unknown) => void,
): Promise<T> {
  // Before the work begins, which may be what aborts it.
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  const working = (async () => await work(signal))();
  working.catch((error: unknown) => {
    if (signal.aborted && error !== signal.reason) onLateFailure?.(error);
  });
  return await Promise.race([working, aborted]);
}
