import { busError } from '../errors/bus-errors.js';
import type {
  Message,
  MessageHandler,
  SubscribeOptions,
  SubscriptionStatistics,
} from '../messaging/message-bus.js';

/** A publication that waits for room. */
interface Blocked {
  readonly message: Message<unknown>;
  readonly admit: () => void;
  readonly refuse: (error: Error) => void;
}

/** One subscriber's queue and its handler. */
export class MemorySubscription {
  readonly #topic: string;
  readonly #name: string;
  readonly #handler: MessageHandler<unknown>;
  readonly #maxQueueDepth: number;
  readonly #isShedding: boolean;
  readonly #onError: (error: unknown) => void;
  readonly #queue = new Set<Message<unknown>>();
  readonly #blocked = new Set<Blocked>();
  #isBusy = false;
  #isEnded = false;
  #handledCount = 0;
  #failedCount = 0;
  #shedCount = 0;

  constructor(
    topic: string,
    handler: MessageHandler<unknown>,
    options: SubscribeOptions & { readonly onError: (error: unknown, name: string) => void },
  ) {
    const { name = topic, maxQueueDepth = 1000, whenFull = 'blockProducer' } = options;
    this.#topic = topic;
    this.#name = name;
    this.#handler = handler;
    this.#maxQueueDepth = maxQueueDepth;
    this.#isShedding = whenFull === 'shedLoad';
    this.#onError = (error) => {
      options.onError(error, name);
    };
  }

  /** Resolves when the message is in the queue, or has been shed. */
  async offer(message: Message<unknown>, signal: AbortSignal | undefined): Promise<void> {
    if (this.#isEnded) return;
    if (!this.#isBusy) {
      void this.#handleAll(message);
    } else if (this.#queue.size < this.#maxQueueDepth) {
      this.#queue.add(message);
    } else if (this.#isShedding) {
      this.#shedCount += 1;
    } else {
      await this.#waitForRoom(message, signal);
    }
  }

  /** Drops what waits. Publishers that wait are let go, or refused where the bus closes. */
  end(options: { readonly isClosing: boolean }): void {
    this.#isEnded = true;
    this.#queue.clear();
    for (const blocked of [...this.#blocked]) {
      if (options.isClosing) blocked.refuse(busError('DW_BUS_CLOSED'));
      else blocked.admit();
    }
  }

  statistics(): SubscriptionStatistics {
    return {
      name: this.#name,
      topic: this.#topic,
      queueDepth: this.#queue.size,
      handledCount: this.#handledCount,
      failedCount: this.#failedCount,
      shedCount: this.#shedCount,
    };
  }

  async #handleAll(first: Message<unknown>): Promise<void> {
    this.#isBusy = true;
    // A publisher never runs inside a handler's call, nor a handler inside a publisher's.
    await Promise.resolve();
    let next: Message<unknown> | undefined = first;
    while (next !== undefined && !this.#isEnded) {
      await this.#handle(next);
      next = this.#takeNext();
    }
    this.#isBusy = false;
  }

  async #handle(message: Message<unknown>): Promise<void> {
    try {
      await this.#handler(message);
    } catch (error) {
      this.#failedCount += 1;
      this.#onError(error);
    }
    this.#handledCount += 1;
  }

  #takeNext(): Message<unknown> | undefined {
    const [next] = this.#queue;
    if (next === undefined) return undefined;
    this.#queue.delete(next);
    const [blocked] = this.#blocked;
    if (blocked !== undefined) {
      this.#queue.add(blocked.message);
      blocked.admit();
    }
    return next;
  }

  #waitForRoom(message: Message<unknown>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#blocked.delete(blocked);
        signal?.removeEventListener('abort', onAbort);
      };
      const blocked: Blocked = {
        message,
        admit: () => {
          leave();
          resolve();
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = (): void => {
        blocked.refuse(signal?.reason as Error);
      };
      this.#blocked.add(blocked);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
