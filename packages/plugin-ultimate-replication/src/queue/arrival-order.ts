import { type Clock, LinkedAbort } from '@datawarehouse/sdk';

/** What an {@link ArrivalOrder} works with. */
export interface ArrivalOrderOptions {
  readonly clock: Clock;
  /** How long a message waits for those before it, in milliseconds. */
  readonly limitMs?: number;
  /** Messages of one node that wait; a further one does not. */
  readonly maxWaiting?: number;
}

/**
 * Lets a message wait that has overtaken the one before it, which a network may do to messages
 * that are under way together.
 */
export class ArrivalOrder {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor({ clock, limitMs = 5_000, maxWaiting = 8 }: ArrivalOrderOptions) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#maxWaiting = maxWaiting;
  }

  /** Waits until `isDue`, but no longer than the limit or `signal`. */
  async wait(origin: string, isDue: () => boolean, signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting.get(origin) ?? new Set();
    if (isDue() || waiting.size >= this.#maxWaiting) return;
    this.#waiting.set(origin, waiting);
    using deadline = new LinkedAbort(signal);
    deadline.abortAfter(this.#limitMs, { clock: this.#clock });
    let look = (): void => undefined;
    await new Promise<void>((resolve) => {
      look = () => {
        if (isDue()) resolve();
      };
      waiting.add(look);
      if (deadline.signal.aborted) resolve();
      else deadline.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    waiting.delete(look);
    if (waiting.size === 0 && this.#waiting.get(origin) === waiting) this.#waiting.delete(origin);
  }

  /** Something of this node was dealt with: others may be due. */
  notify(origin: string): void {
    for (const look of this.#waiting.get(origin) ?? []) look();
  }
}
