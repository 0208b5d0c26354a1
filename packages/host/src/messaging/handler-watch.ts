import type { Clock } from '@datawarehouse/sdk';
import type { Subscription } from './subscription.js';

/** Reports handlers that are at one message for too long, each message once. */
export class HandlerWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #subscriptions: ReadonlySet<Subscription>;
  readonly #onSlow: (subscription: Subscription) => void;
  #timer: Disposable | undefined;

  constructor(options: {
    readonly clock: Clock;
    readonly limitMs: number;
    readonly subscriptions: ReadonlySet<Subscription>;
    readonly onSlow: (subscription: Subscription) => void;
  }) {
    this.#clock = options.clock;
    this.#limitMs = options.limitMs;
    this.#subscriptions = options.subscriptions;
    this.#onSlow = options.onSlow;
  }

  /** Call it when a handler takes its time. One timer looks after all, while one of them is busy. */
  arm(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#look()) this.arm();
    }, this.#limitMs);
  }

  end(): void {
    this.#timer?.[Symbol.dispose]();
  }

  /** Returns whether a handler is at work. */
  #look(): boolean {
    const limit = this.#clock.monotonicMs() - this.#limitMs;
    let isAnyBusy = false;
    for (const subscription of this.#subscriptions) {
      const { busySinceMs } = subscription;
      if (busySinceMs === undefined) continue;
      isAnyBusy = true;
      if (busySinceMs > limit || subscription.isReportedSlow) continue;
      subscription.isReportedSlow = true;
      this.#onSlow(subscription);
    }
    return isAnyBusy;
  }
}
