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

  /** Call it when there is work. One timer looks after all handlers, while one of them is busy. */
  arm(): void {
    if (this.#timer !== undefined) return;
    if (![...this.#subscriptions].some(({ busySinceMs }) => busySinceMs !== undefined)) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#look();
      this.arm();
    }, this.#limitMs);
  }

  end(): void {
    this.#timer?.[Symbol.dispose]();
  }

  #look(): void {
    const limit = this.#clock.monotonicMs() - this.#limitMs;
    for (const subscription of this.#subscriptions) {
      const { busySinceMs } = subscription;
      if (busySinceMs === undefined || busySinceMs > limit || subscription.isReportedSlow) continue;
      subscription.isReportedSlow = true;
      this.#onSlow(subscription);
    }
  }
}
