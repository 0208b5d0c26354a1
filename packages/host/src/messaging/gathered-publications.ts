import type { Message } from '@datawarehouse/sdk';

/** Takes the messages of one topic further. */
export interface Destination {
  /** Takes `messages` from `from` to before `to`. It has room for them. */
  take(messages: readonly (Message<unknown> | undefined)[], from: number, to: number): void;
}

/** Arrays that became longer are not kept. */
const maxKeptLength = 4_096;

/** Messages in a row with the same destination. */
interface Run {
  readonly to: Destination;
  readonly from: number;
}

/**
 * What was published in one go, by whichever publisher, in order. Queues get it together: one step
 * a publication instead of one a subscriber.
 */
export class GatheredPublications {
  readonly #onBegin: () => void;
  /** Used over and over: arrays that grow anew each time would double what each message costs. */
  #messages: (Message<unknown> | undefined)[] = [];
  #spare: (Message<unknown> | undefined)[] = [];
  #length = 0;
  #runs: Run[] = [];
  #last: Destination | undefined;
  #round = 0;

  /** @param onBegin - Called when there is something to distribute. */
  constructor(onBegin: () => void) {
    this.#onBegin = onBegin;
  }

  get length(): number {
    return this.#length;
  }

  /** Changes whenever queues may have changed: what was known of their room is out of date. */
  get round(): number {
    return this.#round;
  }

  add(message: Message<unknown>, to: Destination): void {
    if (to !== this.#last) {
      this.#runs.push({ to, from: this.#length });
      this.#last = to;
    }
    this.#messages[this.#length] = message;
    this.#length += 1;
    if (this.#length === 1) this.#onBegin();
  }

  /** Says that queues have changed. */
  pass(): void {
    this.#round += 1;
  }

  distribute(): void {
    if (this.#length === 0) return;
    const messages = this.#messages;
    const length = this.#length;
    const runs = this.#runs;
    this.#messages = this.#spare;
    this.#length = 0;
    this.#runs = [];
    this.#last = undefined;
    this.#round += 1;
    for (const [index, { to, from }] of runs.entries()) {
      to.take(messages, from, runs[index + 1]?.from ?? length);
    }
    if (length > maxKeptLength) this.#spare = [];
    else this.#spare = messages.fill(undefined, 0, length);
  }

  /** Forgets what has not been distributed. */
  clear(): void {
    this.#messages = [];
    this.#length = 0;
    this.#runs = [];
    this.#last = undefined;
    this.#round += 1;
  }
}
