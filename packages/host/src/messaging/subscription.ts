import type {
  Message,
  MessageHandler,
  SubscribeOptions,
  SubscriptionStatistics,
} from '@datawarehouse/sdk';
import { MessageQueue } from './message-queue.js';

/** A publisher that waits for room. */
interface WaitingPublisher {
  readonly message: Message<unknown>;
  readonly settle: (error?: Error) => void;
}

/** What a subscription reports to its bus. */
export interface SubscriptionEvents {
  onDidFail(message: Message<unknown>, error: unknown): void;
  /** A monotonic clock. */
  now(): number;
}

const defaultQueueDepth = 1_000;
const largestQueueDepth = 1_000_000;

/** One subscriber: its bounded queue, and the loop that hands it one message at a time. */
export class Subscription {
  readonly name: string;
  readonly topic: string;
  /** Whether a handler that runs too long has been reported. */
  isReportedSlow = false;
  readonly #handler: MessageHandler<unknown>;
  readonly #maxQueueDepth: number;
  readonly #whenFull: 'blockProducer' | 'shedLoad';
  readonly #events: SubscriptionEvents;
  #queue = new MessageQueue<Message<unknown>>();
  /** In order of publication, behind what is queued. */
  readonly #publishers = new Set<WaitingPublisher>();
  #busySinceMs: number | undefined;
  #isEnded = false;
  #handledCount = 0;
  #failedCount = 0;
  #shedCount = 0;

  constructor(
    topic: string,
    handler: MessageHandler<unknown>,
    options: SubscribeOptions,
    events: SubscriptionEvents,
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
    this.#handler = handler;
    this.#maxQueueDepth = maxQueueDepth;
    this.#whenFull = whenFull;
    this.#events = events;
  }

  /** Since when the handler has been at its message, by the monotonic clock. */
  get busySinceMs(): number | undefined {
    return this.#busySinceMs;
  }

  /**
   * Queues a message.
   *
   * @returns What the publisher has to wait for, or `undefined` where there was room.
   */
  accept(message: Message<unknown>, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#isEnded) return undefined;
    if (this.#queue.length < this.#maxQueueDepth) {
      this.#queue.push(message);
      if (this.#busySinceMs === undefined) void this.#handleAll();
      return undefined;
    }
    if (this.#whenFull === 'shedLoad') {
      this.#shedCount += 1;
      return undefined;
    }
    return this.#waitForRoom(message, signal);
  }

  /** Drops what waits. Publishers that wait go on, or get the error. */
  end(error?: Error): void {
    this.#isEnded = true;
    this.#queue = new MessageQueue();
    for (const publisher of this.#publishers) publisher.settle(error);
  }

  statistics(): SubscriptionStatistics {
    return {
      name: this.name,
      topic: this.topic,
      queueDepth: this.#queue.length,
      handledCount: this.#handledCount,
      failedCount: this.#failedCount,
      shedCount: this.#shedCount,
    };
  }

  #waitForRoom(message: Message<unknown>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        publisher.settle(signal?.reason as Error);
      };
      const publisher: WaitingPublisher = {
        message,
        settle: (error) => {
          this.#publishers.delete(publisher);
          signal?.removeEventListener('abort', abort);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#publishers.add(publisher);
    });
  }

  async #handleAll(): Promise<void> {
    // Set before the first wait: a second publication must not start a second loop.
    this.#busySinceMs = this.#events.now();
    // A subscriber never runs inside the publisher's call.
    await Promise.resolve();
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      this.#busySinceMs = this.#events.now();
      this.isReportedSlow = false;
      try {
        await this.#handler(message);
      } catch (error) {
        this.#failedCount += 1;
        this.#events.onDidFail(message, error);
      }
      this.#handledCount += 1;
    }
    this.#busySinceMs = undefined;
  }

  #next(): Message<unknown> | undefined {
    const message = this.#queue.shift();
    const [publisher] = this.#publishers;
    if (publisher !== undefined) {
      this.#queue.push(publisher.message);
      publisher.settle();
    }
    return message;
  }
}
