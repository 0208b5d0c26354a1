import { type Clock, systemClock } from '@datawarehouse/sdk';

/** Publications that may share one look at the clock. */
const maxShared = 64;

/**
 * The time that messages carry.
 *
 * Reading the machine's clock costs more than queueing a message, so messages that are published
 * in one go share a look at it. Other clocks are asked each time: tests move them at will.
 */
export class PublicationTime {
  readonly #clock: Clock;
  readonly #maxShared: number;
  #nowMs = 0;
  #sharedCount: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#maxShared = clock === systemClock ? maxShared : 0;
    this.#sharedCount = this.#maxShared;
  }

  nowMs(): number {
    if (this.#sharedCount >= this.#maxShared) {
      this.#sharedCount = 0;
      this.#nowMs = this.#clock.now();
    } else {
      this.#sharedCount += 1;
    }
    return this.#nowMs;
  }

  /** Says that time has passed since the last look. */
  pass(): void {
    this.#sharedCount = this.#maxShared;
  }
}
