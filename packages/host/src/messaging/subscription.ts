import {
  BackpressureGate,
  type Clock,
  type Message,
  type MessageHandler,
  type SubscribeOptions,
  type SubscriptionStatistics,
} from '@datawarehouse/sdk';
import type { DeliveryLoop, Receiver } from './delivery-loop.js';
import { RingQueue } from './ring-queue.js';

/** One call of `publish`, while it is on its way to the queues. */
export interface Publication {
  signal: AbortSignal | undefined;
  /** What the publisher has to wait for. */
  waits: Promise<void>[] | undefined;
}

/** What a subscription needs of its bus. */
export interface SubscriptionSurroundings {
  readonly clock: Clock;
  readonly loop: DeliveryLoop;
  /** Place among the bus's subscriptions, in order of time. */
  readonly order: number;
  readonly onDidFail: (message: Message<unknown>, error: unknown) => void;
  /** Called when a handler takes its time. */
  readonly onDidBegin: () => void;
}

const defaultQueueDepth = 1_000;
const largestQueueDepth = 1_000_000;
/** Of so many messages for a handler that takes its time, the wait of one is measured. */
const sampleEvery = 16;

/** One subscriber: its bounded queue, and its handler, which gets one message at a time. */
export class Subscription implements Receiver {
  readonly name: string;
  readonly topic: string;
  readonly order: number;
  /** Whether a handler that runs too long has been reported. */
  isReportedSlow = false;
  readonly #handler: MessageHandler<unknown>;
  readonly #isShedding: boolean;
  readonly #maxQueueDepth: number;
  readonly #surroundings: SubscriptionSurroundings;
  readonly #gate: BackpressureGate;
  readonly #queue = new RingQueue<Message<unknown>>();
  /** Whether it is in the loop, or its handler is at work. */
  #isActive = false;
  #busySinceMs: number | undefined;
  /** Whether the handler had to be waited for the last time. */
  #takesTime = false;
  #end: { readonly error: Error | undefined } | undefined;
  #handledCount = 0;
  #failedCount = 0;
  #shedCount = 0;
  /** Messages that have left the queue since the gate was told. */
  #leftCount = 0;

  constructor(
    topic: string,
    handler: MessageHandler<unknown>,
    options: SubscribeOptions,
    surroundings: SubscriptionSurroundings,
  ) {
    const { name = topic, maxQueueDepth = defaultQueueDepth, whenFull = 'blockProducer' } = options;
    if (
      !Number.isInteger(maxQueueDepth) ||
      maxQueueDepth < 1 ||
      maxQueueDepth > largestQueueDepth
    ) {
      throw new TypeError(`maxQueueDepth must be 1 to 1 000 000, not ${maxQueueDepth}`);
    }
    this.name = name;
    this.topic = topic;
    this.order = surroundings.order;
    this.#handler = handler;
    this.#maxQueueDepth = maxQueueDepth;
    this.#isShedding = whenFull === 'shedLoad';
    this.#surroundings = surroundings;
    const { clock } = surroundings;
    this.#gate = new BackpressureGate({ subsystemName: name, maxQueueDepth, clock });
  }

  /** Since when the handler has been at its message, by the monotonic clock. */
  get busySinceMs(): number | undefined {
    return this.#busySinceMs;
  }

  /** For how many messages there is room, while nobody waits for it. */
  get room(): number {
    if (this.#end !== undefined) return Number.POSITIVE_INFINITY;
    this.#giveBack();
    return this.#gate.waitingCount > 0 ? 0 : this.#maxQueueDepth - this.#gate.queueDepth;
  }

  /** Queues messages. There is {@link room} for them, or else they count as shed. */
  take(messages: readonly (Message<unknown> | undefined)[], from: number, to: number): void {
    if (this.#end !== undefined) return;
    if (!this.#gate.takePlaces(to - from)) {
      this.#shedCount += to - from;
      return;
    }
    this.#queue.pushSome(messages, from, to);
    this.#activate();
  }

  /** Queues a message, or adds to the publication what its publisher has to wait for. */
  accept(message: Message<unknown>, publication: Publication): void {
    if (this.#end !== undefined) return;
    this.#giveBack();
    if (this.#gate.takePlace()) this.#enqueue(message);
    else if (this.#isShedding) this.#shedCount += 1;
    else {
      publication.waits ??= [];
      publication.waits.push(this.#waitForRoom(message, publication.signal));
    }
  }

  handleSome(maxCount: number): boolean {
    for (let count = 0; count < maxCount; count += 1) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      this.#leave(message);
      const ending = this.#handle(message);
      this.#takesTime = ending !== undefined;
      if (ending !== undefined) {
        this.#giveBack();
        void this.#waitFor(ending, message);
        return false;
      }
    }
    this.#giveBack();
    this.#isActive = this.#queue.length > 0;
    return this.#isActive;
  }

  /** Drops what waits. Publishers that wait go on, or get the error. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#queue.clear();
    this.#gate[Symbol.dispose]();
  }

  statistics(): SubscriptionStatistics {
    const { clock } = this.#surroundings;
    this.#giveBack();
    return {
      name: this.name,
      topic: this.topic,
      queueDepth: this.#queue.length,
      handledCount: this.#handledCount,
      failedCount: this.#failedCount,
      shedCount: this.#shedCount,
      waitingCount: this.#gate.waitingCount,
      state: this.#gate.state,
      busySinceMs:
        this.#busySinceMs === undefined
          ? undefined
          : clock.now() - (clock.monotonicMs() - this.#busySinceMs),
    };
  }

  #enqueue(message: Message<unknown>): void {
    this.#queue.push(message);
    this.#activate();
  }

  #activate(): void {
    if (this.#isActive) return;
    this.#isActive = true;
    this.#surroundings.loop.add(this);
  }

  async #waitForRoom(message: Message<unknown>, signal: AbortSignal | undefined): Promise<void> {
    const onEnter = (): void => {
      this.#enqueue(message);
    };
    try {
      await this.#gate.waitForPlace(signal === undefined ? { onEnter } : { onEnter, signal });
    } catch (error) {
      if (this.#end === undefined || signal?.aborted === true) throw error;
      if (this.#end.error !== undefined) throw this.#end.error;
    }
  }

  #leave(message: Message<unknown>): void {
    // Clocks are slow: what a handler finishes at once is not worth a look at one.
    if (!this.#takesTime || this.#handledCount % sampleEvery !== 0) this.#leftCount += 1;
    else {
      const waitedMs = this.#surroundings.clock.now() - message.publishedAtMs;
      this.#gate.freePlace(0, Math.max(0, waitedMs));
    }
  }

  /** Gives the places back of what has left the queue: all together costs what one does. */
  #giveBack(): void {
    const count = this.#leftCount;
    if (count === 0) return;
    this.#leftCount = 0;
    this.#gate.freePlaces(count);
  }

  /** Calls the handler. Returns its promise, where it has one. */
  #handle(message: Message<unknown>): Promise<void> | undefined {
    try {
      const ending = this.#handler(message);
      // A handler may return anything at run time; only what can be waited for matters.
      if (ending !== undefined && typeof (ending as Partial<typeof ending>).then === 'function') {
        return ending;
      }
    } catch (error) {
      this.#fail(message, error);
    }
    this.#handledCount += 1;
    return undefined;
  }

  async #waitFor(ending: Promise<void>, message: Message<unknown>): Promise<void> {
    const { clock, loop, onDidBegin } = this.#surroundings;
    this.#busySinceMs = clock.monotonicMs();
    this.isReportedSlow = false;
    onDidBegin();
    try {
      await ending;
    } catch (error) {
      this.#fail(message, error);
    }
    this.#handledCount += 1;
    this.#busySinceMs = undefined;
    loop.add(this);
  }

  #fail(message: Message<unknown>, error: unknown): void {
    this.#failedCount += 1;
    this.#surroundings.onDidFail(message, error);
  }
}
