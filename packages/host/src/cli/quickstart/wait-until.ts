import { DwError, delay } from '@datawarehouse/sdk';
import { quickstartError } from './quickstart-errors.js';

/** How long and how often {@link waitUntil} asks. */
export interface WaitOptions {
  /** For the error: `node 3 to catch up`. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** @defaultValue 100 */
  readonly intervalMs?: number;
}

/**
 * Asks again and again until the probe gives a value. A retryable error counts as not yet.
 *
 * @throws DwError `DW_QUICKSTART_TIMEOUT` with the last error as its cause.
 */
export async function waitUntil<T>(
  probe: () => Promise<T | undefined>,
  options: WaitOptions,
): Promise<T> {
  const { what, timeoutMs, signal, intervalMs = 100 } = options;
  const deadlineMs = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    signal.throwIfAborted();
    try {
      const value = await probe();
      if (value !== undefined) return value;
      cause = undefined;
    } catch (error) {
      if (!DwError.is(error) || !error.retryable) throw error;
      cause = error;
    }
    if (performance.now() >= deadlineMs) {
      const last = DwError.is(cause) ? `; last: ${cause.message} [${cause.code}]` : '';
      throw quickstartError('DW_QUICKSTART_TIMEOUT', {
        message: `Waited ${timeoutMs / 1000} s in vain for ${what}${last}`,
        ...(cause !== undefined && { cause }),
        details: { what, timeoutMs },
      });
    }
    await delay(intervalMs, { signal });
  }
}
