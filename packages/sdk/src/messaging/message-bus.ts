import { type Contract, contract } from '../compatibility/contract.js';
import type { BackpressureState } from '../scaling/backpressure.js';
import type { Topic } from './topic.js';

/** A message as a subscriber gets it. Shared by all subscribers: do not change it. */
export interface Message<T> {
  /** Name of the topic it was published to. */
  readonly topic: string;
  /** What was published. Shared by all subscribers: do not change it. */
  readonly data: T;
  /** Milliseconds since the epoch, by the publisher's clock. */
  readonly publishedAtMs: number;
}

/** Handles one message. The next one is delivered when the returned promise has settled. */
export type MessageHandler<T> = (message: Message<T>) => void | Promise<void>;

/** Answers one request. What it throws is what the requester gets. */
export type RequestHandler<TRequest, TResponse> = (
  message: Message<TRequest>,
) => TResponse | Promise<TResponse>;

/** How a subscription waits. */
export interface SubscribeOptions {
  /** Name of the subscriber in metrics and errors. */
  readonly name?: string;
  /**
   * Most messages that may wait for the handler, 1 to 1 000 000.
   * @defaultValue 1000
   */
  readonly maxQueueDepth?: number;
  /**
   * What happens to a message that finds the queue full: `blockProducer` makes `publish` wait,
   * `shedLoad` counts and drops it.
   * @defaultValue 'blockProducer'
   */
  readonly whenFull?: 'blockProducer' | 'shedLoad';
}

/** Options of one publication. */
export interface PublishOptions {
  /** Ends the wait for a full subscriber; the others have the message all the same. */
  readonly signal?: AbortSignal;
}

/** Options of one request. */
export interface RequestOptions {
  /** Rejects the request with `signal.reason`. */
  readonly signal?: AbortSignal;
  /**
   * Time limit in milliseconds, 1 to 3 600 000.
   * @defaultValue 5000
   */
  readonly timeoutMs?: number;
}

/** What a subscription has done, for metrics. */
export interface SubscriptionStatistics {
  /** Name given at subscription, or the topic. */
  readonly name: string;
  /** Topic or pattern. */
  readonly topic: string;
  /** Messages that wait now. */
  readonly queueDepth: number;
  /** Messages handled, failures included. */
  readonly handledCount: number;
  /** Messages whose handler threw. */
  readonly failedCount: number;
  /** Messages dropped because the queue was full. */
  readonly shedCount: number;
  /** Publishers that wait for room in the queue. */
  readonly waitingCount: number;
  /** How full the queue is. */
  readonly state: BackpressureState;
  /**
   * Since when the handler has been at its message, in milliseconds since the epoch; `undefined`
   * while it has nothing to do. A handler is stuck where this does not move.
   */
  readonly busySinceMs: number | undefined;
}

/**
 * Messages between plugins of one process.
 *
 * Each subscriber gets the messages of its topic in the order of publication, one at a time, from
 * a bounded queue of its own; one that throws or hangs affects no other. Nothing outlives the
 * process: keep what must not be lost in a log.
 */
export interface IMessageBus {
  /**
   * Hands `data` to every subscriber of the topic; resolves when each has it in its queue.
   *
   * @throws {@link DwError} `DW_BUS_CLOSED`; `DW_SCALING_OVERLOADED` (retryable) where 10 000
   *   publications wait for one subscriber already. The other subscribers have the message then.
   */
  publish<T>(to: Topic<T>, data: T, options?: PublishOptions): Promise<void>;

  /**
   * Subscribes to a topic, or to every topic that fits a pattern (`dw.cluster.*`, `dw.>`).
   *
   * @returns Disposing it unsubscribes at once: waiting messages are dropped.
   * @throws {@link DwError} `DW_BUS_INVALID_TOPIC`, `DW_BUS_CLOSED`.
   */
  subscribe<T>(to: Topic<T>, handler: MessageHandler<T>, options?: SubscribeOptions): Disposable;
  subscribe(
    pattern: string,
    handler: MessageHandler<unknown>,
    options?: SubscribeOptions,
  ): Disposable;

  /**
   * Asks the one responder of a topic.
   *
   * @throws {@link DwError} `DW_BUS_NO_RESPONDER`, `DW_BUS_TIMEOUT` (retryable; `details.silent`
   *   names who did not answer), `DW_BUS_CLOSED`, or what the responder threw.
   */
  request<TRequest, TResponse>(
    to: Topic<TRequest>,
    data: TRequest,
    options?: RequestOptions,
  ): Promise<TResponse>;

  /** Becomes the responder of a topic, in place of an earlier one. */
  respond<TRequest, TResponse>(
    to: Topic<TRequest>,
    handler: RequestHandler<TRequest, TResponse>,
  ): Disposable;

  /** What each subscription has done so far. */
  statistics(): readonly SubscriptionStatistics[];
}

/** Injection token of the contract of the same name. */
export const IMessageBus: Contract<IMessageBus> = contract('dw.sdk.IMessageBus', {
  introduced: '6.0.0',
});
