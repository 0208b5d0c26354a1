import type { Clock } from '@datawarehouse/sdk';

/**
 * Settles as `work` does, or rejects when the time is over or the signal is aborted. The work cannot
 * be stopped: what it does later is nobody's concern.
 */
export async function withTimeLimit<T>(
  work: () => Promise<T>,
  options: {
    readonly limitMs: number;
    readonly clock: Clock;
    readonly error: () => Error;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<T> {
  const { limitMs, clock, error, signal } = options;
  let onAbort: (() => void) | undefined;
  let timer: Disposable | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => {
      reject(error());
    }, limitMs);
    onAbort = () => {
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
  try {
    return await Promise.race([work(), over]);
  } finally {
    timer?.[Symbol.dispose]();
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}
