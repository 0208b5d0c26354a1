import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INodeIdentity } from '../distributed/node-identity.js';
import type { IMessageBus, SubscribeOptions } from '../messaging/message-bus.js';
import type { IPersistentBackingStore } from '../persistence/persistent-backing-store.js';
import { type Clock, systemClock } from '../plugin/clock.js';
import type { HttpRoute, HttpRouteRegistry } from '../plugin/http-route.js';
import { type Logger, silentLogger } from '../plugin/logger.js';
import type { PluginContext } from '../plugin/plugin-context.js';
import type { ServiceRegistry } from '../plugin/service-registry.js';
import { MemoryBackingStore } from './memory-backing-store.js';
import { MemoryMessageBus } from './memory-message-bus.js';
import { MemoryRouteRegistry } from './memory-route-registry.js';
import { MemoryServiceRegistry } from './memory-service-registry.js';
import { ResourceScope } from './resource-scope.js';
import { createTestNodeIdentity } from './test-node-identity.js';

/** What a {@link TestPluginContext} is made with. Whatever is given stays the caller's to close. */
export interface TestPluginContextOptions {
  /** @defaultValue 'test-plugin' */
  readonly pluginId?: string;
  /** The plugin's section of the configuration. Default: empty. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default: a new {@link MemoryBackingStore}. */
  readonly store?: IPersistentBackingStore;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: a new folder, removed with the context. */
  readonly dataDirectory?: string;
  /** Services that other plugins or the host would provide, by contract. */
  readonly services?: Iterable<readonly [contract: symbol, service: unknown]>;
  /** Default: a new {@link MemoryMessageBus}. Give one to share it between contexts. */
  readonly bus?: IMessageBus;
  /** Default: the node `test-node` with a new key. */
  readonly node?: INodeIdentity;
  /** Default: one that says nothing. */
  readonly logger?: Logger;
}

/** Routes that a plugin under test has added. */
export interface TestRouteRegistry extends HttpRouteRegistry {
  /** The routes in force, in the order they were added. */
  readonly list: readonly HttpRoute[];
}

/** A {@link PluginContext} without a host. Disposing it does what a host does after `stopAsync`. */
export interface TestPluginContext extends PluginContext, AsyncDisposable {
  readonly routes: TestRouteRegistry;
}

/**
 * Makes a context for a plugin under test: a real store, bus, registry and key, all in memory.
 *
 * Disposing it aborts `stopping`, closes in reverse order what was opened through the context, and
 * then what the context itself made.
 */
export function createTestPluginContext(options: TestPluginContextOptions = {}): TestPluginContext {
  const { clock = systemClock } = options;
  const host = new ResourceScope();
  const scope = new ResourceScope();
  const stopping = new AbortController();
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'dw-plugin-'));
  mkdirSync(dataDirectory, { recursive: true });
  if (options.dataDirectory === undefined) {
    host.own({
      [Symbol.asyncDispose]: () => rm(dataDirectory, { recursive: true, force: true }),
    });
  }
  const services = new MemoryServiceRegistry();
  for (const [token, service] of options.services ?? []) services.provide(token, service);
  const store = options.store ?? host.own(new MemoryBackingStore());
  const bus = options.bus ?? host.own(new MemoryMessageBus({ clock }));
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    stopping.abort(new Error('The plugin stops'));
    try {
      await scope[Symbol.asyncDispose]();
    } finally {
      await host[Symbol.asyncDispose]();
    }
  };
  return Object.freeze({
    pluginId: options.pluginId ?? 'test-plugin',
    config: Object.freeze({ ...options.config }),
    dataDirectory,
    node: options.node ?? createTestNodeIdentity(),
    logger: options.logger ?? silentLogger,
    clock,
    services: scopedServices(services, scope),
    bus: scopedBus(bus, scope),
    store,
    routes: scopedRoutes(scope),
    scope: Object.freeze({ own: scope.own.bind(scope) }),
    stopping: stopping.signal,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  });
}

function scopedServices(services: MemoryServiceRegistry, scope: ResourceScope): ServiceRegistry {
  return Object.freeze<ServiceRegistry>({
    get: (token) => services.get(token),
    tryGet: (token) => services.tryGet(token),
    getAll: (token) => services.getAll(token),
    provide: (token, service) => scope.ownUntilDisposed(services.provide(token, service)),
  });
}

function scopedRoutes(scope: ResourceScope): TestRouteRegistry {
  const routes = new MemoryRouteRegistry();
  return Object.freeze<TestRouteRegistry>({
    get list() {
      return routes.list;
    },
    add: (route) => scope.ownUntilDisposed(routes.add(route)),
  });
}

function scopedBus(bus: IMessageBus, scope: ResourceScope): IMessageBus {
  return Object.freeze<IMessageBus>({
    publish: (to, data, options) => bus.publish(to, data, options),
    subscribe: (to: never, handler: never, options?: SubscribeOptions) =>
      scope.ownUntilDisposed(bus.subscribe(to, handler, options)),
    request: (to, data, options) => bus.request(to, data, options),
    respond: (to, handler) => scope.ownUntilDisposed(bus.respond(to, handler)),
    statistics: () => bus.statistics(),
  });
}
