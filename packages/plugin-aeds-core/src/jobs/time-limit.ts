import type { Clock } from '@datawarehouse/sdk';
import { LinkedAbort } from '../concurrency/linked-abort.js';

/** How long a piece of work may take, and what stops it earlier. */
export interface TimeLimitOptions {
  readonly limitMs: number;
  readonly clock: Clock;
  /** Stops it with its own reason. */
  readonly signal: AbortSignal;
  /** Makes the reason of a stop for lateness. */
  readonly onTimeout: () => Error;
  /** Told how work ended that nobody waited for any more. */
  readonly onLateFailure: (error: unknown) => void;
}

/**
 * Waits for work, but not longer than its limit: the work is told by its signal, and left behind
 * where it does not listen.
 */
export async function withTimeLimit<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: TimeLimitOptions,
): Promise<T> {
  const { signal, clock } = options;
  signal.throwIfAborted();
  const controller = new LinkedAbort(signal);
  const timer = clock.setTimeout(() => {
    controller.abort(options.onTimeout());
  }, options.limitMs);
  try {
    return await raceWithAbort(work(controller.signal), controller.signal, options.onLateFailure);
  } finally {
    timer[Symbol.dispose]();
    controller[Symbol.dispose]();
  }
}

function raceWithAbort<T>(
  work: Promise<T>,
  signal: AbortSignal,
  onLateFailure: (error: unknown) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const abort = (): void => {
      isOver = true;
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject);
    work.catch((error: unknown) => {
      if (isOver) onLateFailure(error);
    });
  });
}
