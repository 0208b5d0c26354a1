import { scalingError } from '../errors/scaling-errors.js';
import type { Clock } from '../plugin/clock.js';

/** How a producer waits. */
export interface WaitOptions {
  readonly bytes: number;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  /** Called in the moment of admission, before anybody else can enter. */
  readonly onEnter: (() => void) | undefined;
  /** Makes the error of a wait that lasted too long. */
  readonly timeoutError: () => Error;
}

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
  readonly refuse: (reason: Error) => void;
}

/** Producers that wait for room, in order of arrival. */
export class BackpressureWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Waits to be admitted.
   *
   * @param onLeave - Called when a producer gave up: whoever is behind may fit now.
   */
  wait(options: WaitOptions, onLeave: () => void): Promise<void> {
    const { bytes, signal, timeoutMs, onEnter, timeoutError } = options;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
        timer?.[Symbol.dispose]();
      };
      const giveUp = (reason: Error): void => {
        waiter.refuse(reason);
        onLeave();
      };
      const onAbort = (): void => {
        giveUp(signal?.reason as Error);
      };
      const waiter: Waiter = {
        bytes,
        admit: () => {
          leave();
          onEnter?.();
          resolve();
        },
        refuse: (reason) => {
          leave();
          reject(reason);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.#clock.setTimeout(() => {
              giveUp(timeoutError());
            }, timeoutMs);
    });
  }

  /** Admits from the front while there is room. */
  admit(hasRoom: (bytes: number) => boolean, take: (bytes: number) => void): void {
    for (const waiter of this.#waiters) {
      if (!hasRoom(waiter.bytes)) return;
      // Out before it counts: a listener to the count may free a place, and come here again.
      this.#waiters.delete(waiter);
      take(waiter.bytes);
      waiter.admit();
    }
  }

  /** Refuses everybody. */
  refuseAll(): void {
    for (const { refuse } of [...this.#waiters]) refuse(scalingError('DW_SCALING_CLOSED'));
  }
}
