import type { Clock } from '@datawarehouse/sdk';

/** A signal that is aborted by time or by another signal. Dispose it when the work is done. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Whether time was the reason. */
  readonly isExpired: boolean;
}

/** Begins a time limit. */
export function startDeadline(
  clock: Clock,
  limitMs: number,
  outer: AbortSignal | undefined,
): Deadline {
  const controller = new AbortController();
  let isExpired = false;
  const timer = clock.setTimeout(() => {
    isExpired = true;
    controller.abort(new DOMException('The time limit is over', 'TimeoutError'));
  }, limitMs);
  const onAbort = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) onAbort();
  else outer?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    get isExpired() {
      return isExpired;
    },
    [Symbol.dispose]: () => {
      timer[Symbol.dispose]();
      outer?.removeEventListener('abort', onAbort);
    },
  };
}
