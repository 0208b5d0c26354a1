import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '@datawarehouse/sdk';

const resolutionMs = 20;
const windowMs = 60_000;

/** How late timers fire, over the last one to two minutes. Reading it changes nothing. */
export class EventLoopLag implements Disposable {
  readonly #clock: Clock;
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: resolutionMs });
  #previousMs = 0;
  #timer: Disposable;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#histogram.enable();
    this.#timer = this.#turn();
  }

  /** 99th percentile in milliseconds: that of the current window or of the one before, if worse. */
  get p99Ms(): number {
    return Math.max(this.#previousMs, this.#currentMs());
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#histogram.disable();
  }

  #turn(): Disposable {
    return this.#clock.setTimeout(() => {
      this.#previousMs = this.#currentMs();
      this.#histogram.reset();
      this.#timer = this.#turn();
    }, windowMs);
  }

  /** What is recorded is the time between two firings of a timer, its interval included. */
  #currentMs(): number {
    if (this.#histogram.count === 0) return 0;
    return Math.max(0, this.#histogram.percentile(99) / 1e6 - resolutionMs);
  }
}
