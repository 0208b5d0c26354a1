import type {
  IMessageBus,
  MessageHandler,
  PublishOptions,
  RequestHandler,
  RequestOptions,
  SubscribeOptions,
  SubscriptionStatistics,
  Topic,
} from '@datawarehouse/sdk';
import type { InProcessMessageBus } from '../messaging/in-process-message-bus.js';
import type { ResourceStack } from './resource-stack.js';

/** The bus as one plugin sees it: what it subscribes ends with the plugin, and carries its name. */
export class PluginMessageBus implements IMessageBus {
  readonly #bus: InProcessMessageBus;
  readonly #pluginId: string;
  readonly #scope: ResourceStack;

  constructor(bus: InProcessMessageBus, pluginId: string, scope: ResourceStack) {
    this.#bus = bus;
    this.#pluginId = pluginId;
    this.#scope = scope;
  }

  publish<T>(to: Topic<T>, data: T, options?: PublishOptions): Promise<void> {
    return this.#bus.publish(to, data, options);
  }

  subscribe<T>(to: Topic<T>, handler: MessageHandler<T>, options?: SubscribeOptions): Disposable;
  subscribe(
    pattern: string,
    handler: MessageHandler<unknown>,
    options?: SubscribeOptions,
  ): Disposable;
  subscribe(
    to: Topic<unknown> | string,
    handler: MessageHandler<unknown>,
    options: SubscribeOptions = {},
  ): Disposable {
    const name = `${this.#pluginId}: ${options.name ?? (typeof to === 'string' ? to : to.name)}`;
    const named = { ...options, name };
    return this.#scope.lend(
      typeof to === 'string'
        ? this.#bus.subscribe(to, handler, named)
        : this.#bus.subscribe(to, handler, named),
    );
  }

  request<TRequest, TResponse>(
    to: Topic<TRequest>,
    data: TRequest,
    options?: RequestOptions,
  ): Promise<TResponse> {
    return this.#bus.request(to, data, options);
  }

  respond<TRequest, TResponse>(
    to: Topic<TRequest>,
    handler: RequestHandler<TRequest, TResponse>,
  ): Disposable {
    return this.#scope.lend(this.#bus.respond(to, handler, { name: this.#pluginId }));
  }

  statistics(): readonly SubscriptionStatistics[] {
    return this.#bus.statistics();
  }
}
