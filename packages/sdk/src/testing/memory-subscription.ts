import { busError } from '../errors/bus-errors.js';
import type {
  Message,
  MessageHandler,
  SubscribeOptions,
  SubscriptionStatistics,
} from '../messaging/message-bus.js';
import type { Clock } from '../plugin/clock.js';
import { BackpressureGate } from '../scaling/backpressure-gate.js';

/** One subscriber's queue and its handler. */
export class MemorySubscription {
  readonly #topic: string;
  readonly #name: string;
  readonly #handler: MessageHandler<unknown>;
  readonly #gate: BackpressureGate;
  readonly #clock: Clock;
  readonly #isShedding: boolean;
  readonly #onError: (error: unknown) => void;
  readonly #queue = new Set<Message<unknown>>();
  #isBusy = false;
  #busySinceMs: number | undefined;
  #end: { readonly isClosing: boolean } | undefined;
  #handledCount = 0;
  #failedCount = 0;
  #shedCount = 0;

  constructor(
    topic: string,
    handler: MessageHandler<unknown>,
    options: SubscribeOptions & {
      readonly clock: Clock;
      readonly onError: (error: unknown, name: string) => void;
    },
  ) {
    const { name = topic, maxQueueDepth = 1000, whenFull = 'blockProducer' } = options;
    this.#topic = topic;
    this.#name = name;
    this.#handler = handler;
    this.#clock = options.clock;
    this.#gate = new BackpressureGate({ subsystemName: name, maxQueueDepth, clock: options.clock });
    this.#isShedding = whenFull === 'shedLoad';
    this.#onError = (error) => {
      options.onError(error, name);
    };
  }

  /** Resolves when the message is in the queue, or has been shed. */
  async offer(message: Message<unknown>, signal: AbortSignal | undefined): Promise<void> {
    if (this.#end !== undefined) return;
    if (!this.#isBusy) {
      void this.#handleAll(message);
    } else if (this.#gate.takePlace()) {
      this.#queue.add(message);
    } else if (this.#isShedding) {
      this.#shedCount += 1;
    } else {
      await this.#waitForRoom(message, signal);
    }
  }

  /** Drops what waits. Publishers that wait are let go, or refused where the bus closes. */
  end(options: { readonly isClosing: boolean }): void {
    this.#end = options;
    this.#queue.clear();
    this.#gate[Symbol.dispose]();
  }

  statistics(): SubscriptionStatistics {
    return {
      name: this.#name,
      topic: this.#topic,
      queueDepth: this.#queue.size,
      handledCount: this.#handledCount,
      failedCount: this.#failedCount,
      shedCount: this.#shedCount,
      waitingCount: this.#gate.waitingCount,
      state: this.#gate.state,
      busySinceMs: this.#busySinceMs,
    };
  }

  async #handleAll(first: Message<unknown>): Promise<void> {
    this.#isBusy = true;
    // A publisher never runs inside a handler's call, nor a handler inside a publisher's.
    await Promise.resolve();
    let next: Message<unknown> | undefined = first;
    while (next !== undefined && this.#end === undefined) {
      await this.#handle(next);
      next = this.#takeNext();
    }
    this.#isBusy = false;
  }

  async #handle(message: Message<unknown>): Promise<void> {
    this.#busySinceMs = this.#clock.now();
    try {
      await this.#handler(message);
    } catch (error) {
      this.#failedCount += 1;
      this.#onError(error);
    }
    this.#handledCount += 1;
    this.#busySinceMs = undefined;
  }

  #takeNext(): Message<unknown> | undefined {
    const [next] = this.#queue;
    if (next === undefined) return undefined;
    this.#queue.delete(next);
    this.#gate.freePlace();
    return next;
  }

  async #waitForRoom(message: Message<unknown>, signal: AbortSignal | undefined): Promise<void> {
    const onEnter = (): void => {
      this.#queue.add(message);
    };
    try {
      await this.#gate.waitForPlace(signal === undefined ? { onEnter } : { onEnter, signal });
    } catch (error) {
      if (this.#end === undefined || signal?.aborted === true) throw error;
      if (this.#end.isClosing) throw busError('DW_BUS_CLOSED');
    }
  }
}
