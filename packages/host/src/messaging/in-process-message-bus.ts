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
import { DeliveryLoop } from './delivery-loop.js';
import { GatheredPublications } from './gathered-publications.js';
import { HandlerWatch } from './handler-watch.js';
import { PublicationTime } from './publication-time.js';
import { Responders } from './responders.js';
import { type Publication, Subscription } from './subscription.js';
import { TopicRoutes } from './topic-routes.js';

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

/** What most publications resolve with: nobody has to wait, so all share it. */
const accepted = Promise.resolve();

/** The message bus of one process. */
export class InProcessMessageBus implements IMessageBus, AsyncDisposable {
  readonly #gathered: GatheredPublications;
  readonly #routes: TopicRoutes;
  readonly #subscriptions = new Set<Subscription>();
  readonly #loop: DeliveryLoop;
  readonly #time: PublicationTime;
  readonly #responders: Responders;
  readonly #watch: HandlerWatch;
  readonly #clock: Clock;
  readonly #onDidFail: (failure: SubscriberFailure) => void;
  /** The one on its way: queues run nobody's code, so there is never a second one. */
  readonly #publication: Publication = { signal: undefined, waits: undefined };
  #subscribedCount = 0;
  #isClosed = false;

  constructor(options: InProcessMessageBusOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#onDidFail = options.onDidFail ?? (() => undefined);
    this.#responders = new Responders(this.#clock);
    this.#time = new PublicationTime(this.#clock);
    this.#loop = new DeliveryLoop({
      onBegin: () => {
        this.#time.pass();
        this.#gathered.pass();
      },
      onTurn: () => {
        this.#gathered.distribute();
      },
    });
    this.#gathered = new GatheredPublications(() => {
      this.#loop.wake();
    });
    this.#routes = new TopicRoutes(this.#gathered);
    this.#watch = new HandlerWatch({
      clock: this.#clock,
      limitMs: options.slowHandlerMs ?? 30_000,
      subscriptions: this.#subscriptions,
      onSlow: ({ name, topic }) => {
        this.#onDidFail({ subscriber: name, topic, reason: 'slow' });
      },
    });
  }

  publish<T>(to: Topic<T>, data: T, options?: PublishOptions): Promise<void> {
    const signal = options?.signal;
    // Not an async method: that would cost more than all the rest.
    if (this.#isClosed) return Promise.reject(busError('DW_BUS_CLOSED'));
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const message = { topic: to.name, data, publishedAtMs: this.#time.nowMs() };
    const publication = this.#publication;
    publication.signal = signal;
    this.#routes.deliver(message, publication);
    const { waits } = publication;
    if (waits === undefined) return accepted;
    publication.waits = undefined;
    return all(waits);
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
    const topic = typeof to === 'string' ? to : to.name;
    assertPattern(topic);
    const subscription = new Subscription(topic, handler as MessageHandler<unknown>, options, {
      clock: this.#clock,
      loop: this.#loop,
      order: this.#subscribedCount,
      onDidFail: (message, error) => {
        const { name } = subscription;
        this.#onDidFail({ subscriber: name, topic: message.topic, reason: 'threw', error });
      },
      onDidBegin: () => {
        if (!this.#isClosed) this.#watch.arm();
      },
    });
    this.#subscribedCount += 1;
    this.#routes.add(subscription);
    this.#subscriptions.add(subscription);
    return {
      [Symbol.dispose]: () => {
        if (!this.#subscriptions.delete(subscription)) return;
        this.#routes.remove(subscription);
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
    this.#gathered.distribute();
    return [...this.#subscriptions].map((subscription) => subscription.statistics());
  }

  /** Drops what waits for subscribers, and rejects publishers and requests that wait. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const error = busError('DW_BUS_CLOSED');
    this.#watch.end();
    this.#gathered.clear();
    this.#responders.end(error);
    for (const subscription of this.#subscriptions) {
      this.#routes.remove(subscription);
      subscription.end(error);
    }
    this.#subscriptions.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #message(to: { readonly name: string }, data: unknown): Message<unknown> {
    return { topic: to.name, data, publishedAtMs: this.#clock.now() };
  }

  #assertOpen(): void {
    if (this.#isClosed) throw busError('DW_BUS_CLOSED');
  }
}

/** @throws {@link DwError} `DW_BUS_INVALID_TOPIC`. */
function assertPattern(pattern: string): void {
  topicMatcher(pattern);
}

/** Waits for all; what happens to some keeps the others from nothing. */
async function all(waits: readonly Promise<void>[]): Promise<void> {
  await Promise.all(waits);
}
