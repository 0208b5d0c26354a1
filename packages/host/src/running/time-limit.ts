import type { Clock } from '@datawarehouse/sdk';

/**
 * Settles as `work` does, or rejects when the time is over. The work cannot be stopped: what it
 * does later is nobody's concern.
 */
export async function withTimeLimit<T>(
  work: () => Promise<T>,
  options: { readonly limitMs: number; readonly clock: Clock; readonly error: () => Error },
): Promise<T> {
  const { limitMs, clock, error } = options;
  let timer: Disposable | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => {
      reject(error());
    }, limitMs);
  });
  try {
    return await Promise.race([work(), over]);
  } finally {
    timer?.[Symbol.dispose]();
  }
}
