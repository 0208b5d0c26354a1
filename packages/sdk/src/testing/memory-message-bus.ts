import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { busError } from '../errors/bus-errors.js';
import type {
  IMessageBus,
  Message,
  MessageHandler,
  PublishOptions,
  RequestHandler,
  RequestOptions,
  SubscribeOptions,
  SubscriptionStatistics,
} from '../messaging/message-bus.js';
import type { Topic } from '../messaging/topic.js';
import { topicMatcher } from '../messaging/topic-pattern.js';
import { type Clock, systemClock } from '../plugin/clock.js';
import { MemorySubscription } from './memory-subscription.js';

interface Subscriber {
  readonly fits: (topic: string) => boolean;
  readonly subscription: MemorySubscription;
}

interface Responder {
  readonly answer: RequestHandler<unknown, unknown>;
}

/** How a {@link MemoryMessageBus} works. */
export interface MemoryMessageBusOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Gets what subscribers throw. Default: a process warning. */
  readonly onHandlerError?: (error: unknown, subscriber: string) => void;
}

/** The whole contract of a bus in memory, for tests. */
@SdkCompatibility('6.0.0')
export class MemoryMessageBus implements IMessageBus, AsyncDisposable {
  readonly #clock: Clock;
  readonly #onHandlerError: (error: unknown, subscriber: string) => void;
  readonly #subscribers = new Set<Subscriber>();
  readonly #responders = new Map<string, Responder>();
  readonly #closing = new AbortController();

  constructor(options: MemoryMessageBusOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#onHandlerError = options.onHandlerError ?? warn;
  }

  async publish<T>(to: Topic<T>, data: T, options: PublishOptions = {}): Promise<void> {
    this.#assertOpen();
    const message = this.#message(to, data);
    const offers: Promise<void>[] = [];
    for (const { fits, subscription } of [...this.#subscribers]) {
      if (fits(to.name)) offers.push(subscription.offer(message, options.signal));
    }
    const results = await Promise.allSettled(offers);
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  subscribe<T>(to: Topic<T>, handler: MessageHandler<T>, options?: SubscribeOptions): Disposable;
  subscribe(
    pattern: string,
    handler: MessageHandler<unknown>,
    options?: SubscribeOptions,
  ): Disposable;
  subscribe<T>(
    to: Topic<T> | string,
    handler: MessageHandler<T>,
    options: SubscribeOptions = {},
  ): Disposable {
    this.#assertOpen();
    const pattern = typeof to === 'string' ? to : to.name;
    const subscriber: Subscriber = {
      fits: topicMatcher(pattern),
      subscription: new MemorySubscription(pattern, handler as MessageHandler<unknown>, {
        ...options,
        clock: this.#clock,
        onError: this.#onHandlerError,
      }),
    };
    this.#subscribers.add(subscriber);
    return {
      [Symbol.dispose]: () => {
        if (this.#subscribers.delete(subscriber)) subscriber.subscription.end({ isClosing: false });
      },
    };
  }

  async request<TRequest, TResponse>(
    to: Topic<TRequest>,
    data: TRequest,
    options: RequestOptions = {},
  ): Promise<TResponse> {
    this.#assertOpen();
    options.signal?.throwIfAborted();
    const responder = this.#responders.get(to.name);
    if (responder === undefined) {
      throw busError('DW_BUS_NO_RESPONDER', { details: { topic: to.name } });
    }
    const answer = async (): Promise<unknown> => responder.answer(this.#message(to, data));
    return (await this.#limit(answer(), to.name, options)) as TResponse;
  }

  respond<TRequest, TResponse>(
    to: Topic<TRequest>,
    handler: RequestHandler<TRequest, TResponse>,
  ): Disposable {
    this.#assertOpen();
    const responder: Responder = { answer: handler as RequestHandler<unknown, unknown> };
    this.#responders.set(to.name, responder);
    return {
      [Symbol.dispose]: () => {
        if (this.#responders.get(to.name) === responder) this.#responders.delete(to.name);
      },
    };
  }

  statistics(): readonly SubscriptionStatistics[] {
    return [...this.#subscribers].map(({ subscription }) => subscription.statistics());
  }

  /** Ends every subscription and request. Handlers in flight are not waited for. */
  async close(): Promise<void> {
    this.#closing.abort(busError('DW_BUS_CLOSED'));
    for (const { subscription } of this.#subscribers) subscription.end({ isClosing: true });
    this.#subscribers.clear();
    this.#responders.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #message<T>(to: Topic<T>, data: T): Message<T> {
    return Object.freeze({ topic: to.name, data, publishedAtMs: this.#clock.now() });
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw busError('DW_BUS_CLOSED');
  }

  /** Waits for an answer until its time is up, its requester gives up, or the bus closes. */
  async #limit<T>(answer: Promise<T>, topic: string, options: RequestOptions): Promise<T> {
    const { signal, timeoutMs = 5000 } = options;
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    let stop: () => void = () => undefined;
    const limit = new Promise<never>((_, reject) => {
      const timer = this.#clock.setTimeout(() => {
        reject(busError('DW_BUS_TIMEOUT', { details: { topic, timeoutMs, silent: [topic] } }));
      }, timeoutMs);
      const ends = signals.map((ending) => {
        const onAbort = (): void => reject(ending.reason as Error);
        ending.addEventListener('abort', onAbort, { once: true });
        return () => ending.removeEventListener('abort', onAbort);
      });
      stop = () => {
        timer[Symbol.dispose]();
        for (const end of ends) end();
      };
    });
    try {
      return await Promise.race([answer, limit]);
    } finally {
      stop();
    }
  }
}

function warn(error: unknown, subscriber: string): void {
  process.emitWarning(`The subscriber ${subscriber} threw`, {
    type: 'DataWarehouseSubscriber',
    detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
}
