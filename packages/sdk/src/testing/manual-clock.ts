import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import type { Clock } from '../plugin/clock.js';

interface ManualTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
@SdkCompatibility('6.0.0')
export class ManualClock implements Clock {
  readonly #timers = new Set<ManualTimer>();
  readonly #startMs: number;
  #passedMs = 0;

  /**
   * @param options.startMs - What {@link now} says at first, in milliseconds since the epoch.
   *   Default: the first moment of 2026.
   */
  constructor(options: { readonly startMs?: number } = {}) {
    this.#startMs = options.startMs ?? Date.UTC(2026, 0, 1);
  }

  /** Timers that have not run yet. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#startMs + this.#passedMs;
  }

  monotonicMs(): number {
    return this.#passedMs;
  }

  setTimeout(callback: () => void, delayMs: number): Disposable {
    // A timer without a delay still runs only when time passes, as it would on a real clock.
    const timer: ManualTimer = { dueMs: this.#passedMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
      },
    };
  }

  /**
   * Moves time, and runs what falls due in order of time, each at its own moment.
   *
   * Timers set by timers run too where they fall due; what waits on promises goes on only after the
   * call. See {@link elapse} for loops that wait on the clock.
   */
  advance(ms: number): void {
    const untilMs = this.#end(ms);
    while (this.#runNext(untilMs));
    this.#passedMs = untilMs;
  }

  /**
   * Moves time as {@link advance} does, and lets whatever waits on promises go on before the first
   * timer and after each, so that it can set the next one.
   */
  async elapse(ms: number): Promise<void> {
    const untilMs = this.#end(ms);
    do await turnOfEventLoop();
    while (this.#runNext(untilMs));
    this.#passedMs = untilMs;
  }

  #end(ms: number): number {
    if (!(ms >= 0)) throw new TypeError(`Time does not go back: ${ms}`);
    return this.#passedMs + ms;
  }

  #runNext(untilMs: number): boolean {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    if (next === undefined) return false;
    this.#timers.delete(next);
    this.#passedMs = Math.max(this.#passedMs, next.dueMs);
    next.callback();
    return true;
  }
}

function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
