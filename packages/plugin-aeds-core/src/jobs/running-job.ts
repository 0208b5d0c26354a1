import type { Clock } from '@datawarehouse/sdk';
import type { StoredJob } from './stored-job.js';

/**
 * One attempt that runs now: its work, ended from outside where need be.
 *
 * An abort signal costs as much as the rest of a small job, so it is made only for who asks for it.
 */
export class RunningJob {
  readonly job: StoredJob;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: Error } | undefined;
  #leave: ((reason: Error) => void) | undefined;
  #onLateFailure: (() => void) | undefined;
  #onSettled: (() => void)[] = [];
  /** Whether its end is decided; what the handler does counts no more. */
  isOver = false;
  /** Somebody from outside stores its end, or fails to. */
  deciding: Promise<void> | undefined;

  constructor(job: StoredJob) {
    this.job = job;
  }

  /** Aborted when the attempt is ended from outside. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** @throws the reason, where the attempt was ended from outside. */
  throwIfAborted(): void {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
  }

  /** Ends the attempt. The first reason stays. */
  abort(reason: Error): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    this.#onLateFailure?.();
    this.#controller?.abort(reason);
    this.#leave?.(reason);
  }

  /** To be called when nothing of it is left to store. */
  settle(): void {
    for (const resolve of this.#onSettled) resolve();
  }

  /** Resolves when nothing of it is left to store. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSettled.push(resolve);
    });
  }

  /**
   * Waits for work, until it is aborted or its time is over; it is left behind then.
   *
   * @throws what the work throws, or the reason of the abort.
   */
  async within<T>(
    work: () => Promise<T>,
    options: {
      readonly limitMs: number;
      readonly error: () => Error;
      readonly clock: Clock;
      readonly onLateFailure: (error: unknown) => void;
    },
  ): Promise<T> {
    this.throwIfAborted();
    const timer = options.clock.setTimeout(() => {
      this.abort(options.error());
    }, options.limitMs);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#leave = reject;
        const working = work();
        working.then(resolve, reject);
        this.#onLateFailure = () => {
          working.catch((error: unknown) => {
            if (error !== this.#aborted?.reason) options.onLateFailure(error);
          });
        };
      });
    } finally {
      timer[Symbol.dispose]();
    }
  }
}
