import {
  type BackpressureGate,
  type Clock,
  type DwError,
  LinkedAbort,
  scalingError,
} from '@datawarehouse/sdk';

/** What an {@link AppendGate} works with. */
export interface AppendGateOptions {
  readonly gate: BackpressureGate;
  readonly clock: Clock;
  /** How long a writer waits for room, in milliseconds. */
  readonly waitMs: number;
  /** Sequence that every active replica has confirmed; Infinity where none is active. */
  readonly confirmedSequence: () => number;
}

/**
 * Makes writers wait while active replicas lag too far behind.
 *
 * Inactive replicas do not count: they catch up from the log, and hold up nobody.
 */
export class AppendGate {
  readonly #options: AppendGateOptions;
  readonly #held: { readonly sequence: number; readonly place: Disposable }[] = [];

  constructor(options: AppendGateOptions) {
    this.#options = options;
  }

  /**
   * Takes a place among the writes that replicas have yet to confirm.
   *
   * @throws {@link DwError} `DW_SCALING_OVERLOADED` when there was no room in time.
   */
  async enter(bytes: number, signal: AbortSignal | undefined): Promise<Disposable> {
    const { gate, clock, waitMs } = this.#options;
    using deadline = new LinkedAbort(signal);
    const reason = (): DwError =>
      scalingError('DW_SCALING_OVERLOADED', {
        message: 'Active replicas are too far behind, and new writes are being shed',
        details: { retryAfterMs: waitMs, queueDepth: gate.queueDepth },
      });
    deadline.abortAfter(waitMs, { clock, reason });
    return await gate.enter({ bytes, signal: deadline.signal });
  }

  /** Keeps a place until active replicas have confirmed `sequence`. */
  hold(place: Disposable, sequence: number): void {
    this.#held.push({ sequence, place });
    this.release();
  }

  /** Frees the places of what is confirmed. Call it when offsets or replicas have changed. */
  release(): void {
    const confirmed = this.#options.confirmedSequence();
    let count = 0;
    for (const { sequence, place } of this.#held) {
      if (sequence > confirmed) break;
      place[Symbol.dispose]();
      count += 1;
    }
    this.#held.splice(0, count);
  }
}
