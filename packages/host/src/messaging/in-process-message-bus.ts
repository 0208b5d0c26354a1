import {
  busError,
  type Clock,
  type IMessageBus,
  type Message,
  type MessageHandler,
  type PublishOptions,
  type RequestHandler,
  type RequestOptions,
  type SubscribeOptions,
  type SubscriptionStatistics,
  systemClock,
  type Topic,
  topicMatcher,
} from '@datawarehouse/sdk';
import { EventEmitter } from 'eventemitter3';
import { HandlerWatch } from './handler-watch.js';
import { Responders } from './responders.js';
import { Subscription } from './subscription.js';

/** A handler threw, or is at one message for too long. */
export interface SubscriberFailure {
  /** Name of the subscriber. */
  readonly subscriber: string;
  readonly topic: string;
  readonly reason: 'threw' | 'slow';
  readonly error?: unknown;
}

/** Options of {@link InProcessMessageBus}. */
export interface InProcessMessageBusOptions {
  /** Told of each failure of a subscriber. */
  readonly onDidFail?: (failure: SubscriberFailure) => void;
  readonly clock?: Clock;
  /** Time after which a handler is reported as slow. Default: 30 000. */
  readonly slowHandlerMs?: number;
}

/** Hands a message to one subscriber, and adds what the publisher has to wait for. */
type Deliver = (
  message: Message<unknown>,
  signal: AbortSignal | undefined,
  waits: Promise<void>[],
) => void;

/** The message bus of one process. */
export class InProcessMessageBus implements IMessageBus, AsyncDisposable {
  readonly #topics = new EventEmitter<Record<string, Deliver>>();
  readonly #patterns = new Map<Deliver, (name: string) => boolean>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #responders: Responders;
  readonly #watch: HandlerWatch;
  readonly #clock: Clock;
  readonly #onDidFail: (failure: SubscriberFailure) => void;
  #isClosed = false;

  constructor(options: InProcessMessageBusOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#onDidFail = options.onDidFail ?? (() => undefined);
    this.#responders = new Responders(this.#clock);
    this.#watch = new HandlerWatch({
      clock: this.#clock,
      limitMs: options.slowHandlerMs ?? 30_000,
      subscriptions: this.#subscriptions,
      onSlow: ({ name, topic }) => {
        this.#onDidFail({ subscriber: name, topic, reason: 'slow' });
      },
    });
  }

  async publish<T>(to: Topic<T>, data: T, options: PublishOptions = {}): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    this.#assertOpen();
    const message = this.#message(to, data);
    const waits: Promise<void>[] = [];
    this.#topics.emit(to.name, message, signal, waits);
    for (const [deliver, matches] of this.#patterns) {
      if (matches(to.name)) deliver(message, signal, waits);
    }
    this.#watch.arm();
    if (waits.length > 0) await Promise.all(waits);
  }

  subscribe<T>(to: Topic<T>, handler: MessageHandler<T>, options?: SubscribeOptions): Disposable;
  subscribe(
    pattern: string,
    handler: MessageHandler<unknown>,
    options?: SubscribeOptions,
  ): Disposable;
  subscribe(
    to: { readonly name: string } | string,
    handler: MessageHandler<never>,
    options: SubscribeOptions = {},
  ): Disposable {
    this.#assertOpen();
    const name = typeof to === 'string' ? to : to.name;
    const matches = topicMatcher(name);
    const subscription = new Subscription(name, handler as MessageHandler<unknown>, options, {
      now: () => this.#clock.monotonicMs(),
      onDidFail: (message, error) => {
        const { name: subscriber } = subscription;
        this.#onDidFail({ subscriber, topic: message.topic, reason: 'threw', error });
      },
    });
    const deliver: Deliver = (message, signal, waits) => {
      const wait = subscription.accept(message, signal);
      if (wait !== undefined) waits.push(wait);
    };
    const isPattern = /[*>]/.test(name);
    if (isPattern) this.#patterns.set(deliver, matches);
    else this.#topics.on(name, deliver);
    this.#subscriptions.add(subscription);
    return {
      [Symbol.dispose]: () => {
        if (isPattern) this.#patterns.delete(deliver);
        else this.#topics.off(name, deliver);
        this.#subscriptions.delete(subscription);
        subscription.end();
      },
    };
  }

  async request<TRequest, TResponse>(
    to: Topic<TRequest>,
    data: TRequest,
    options: RequestOptions = {},
  ): Promise<TResponse> {
    options.signal?.throwIfAborted();
    this.#assertOpen();
    return (await this.#responders.request(this.#message(to, data), options)) as TResponse;
  }

  /** Also takes a `name`, which says in errors who did not answer. Default: the topic. */
  respond<TRequest, TResponse>(
    to: Topic<TRequest>,
    handler: RequestHandler<TRequest, TResponse>,
    options: { readonly name?: string } = {},
  ): Disposable {
    this.#assertOpen();
    return this.#responders.set(to.name, {
      name: options.name ?? to.name,
      handler: handler as RequestHandler<unknown, unknown>,
    });
  }

  statistics(): readonly SubscriptionStatistics[] {
    return [...this.#subscriptions].map((subscription) => subscription.statistics());
  }

  /** Drops what waits for subscribers, and rejects publishers and requests that wait. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const error = busError('DW_BUS_CLOSED');
    this.#watch.end();
    this.#topics.removeAllListeners();
    this.#patterns.clear();
    this.#responders.end(error);
    for (const subscription of this.#subscriptions) subscription.end(error);
    this.#subscriptions.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #message(to: { readonly name: string }, data: unknown): Message<unknown> {
    return Object.freeze({ topic: to.name, data, publishedAtMs: this.#clock.now() });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw busError('DW_BUS_CLOSED');
  }
}
