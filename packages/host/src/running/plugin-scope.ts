import {
  IMessageBus,
  IPeerTransport,
  IPersistentBackingStore,
  type PluginContext,
  pluginError,
} from '@datawarehouse/sdk';
import type { DiscoveredPlugin } from '../loading/discovered-plugin.js';
import { PluginBackingStore } from './plugin-backing-store.js';
import { PluginMessageBus } from './plugin-message-bus.js';
import { PluginPeerTransport } from './plugin-peer-transport.js';
import { PluginRoutes } from './plugin-routes.js';
import { PluginServices } from './plugin-services.js';
import type { PluginSurroundings } from './plugin-surroundings.js';
import { ResourceStack } from './resource-stack.js';

/** Time that all of a plugin's resources may take to close. */
const resourceLimitMs = 10_000;

/** Everything that one plugin gets and opens. */
export class HostPluginScope {
  readonly context: PluginContext;
  readonly #resources: ResourceStack;
  readonly #routes: PluginRoutes;
  readonly #stopping: AbortController;

  private constructor(
    context: PluginContext,
    parts: {
      readonly resources: ResourceStack;
      readonly routes: PluginRoutes;
      readonly stopping: AbortController;
    },
  ) {
    this.context = context;
    this.#resources = parts.resources;
    this.#routes = parts.routes;
    this.#stopping = parts.stopping;
  }

  /** @param isServing - Whether the plugin's routes answer now. */
  static async open(
    plugin: DiscoveredPlugin,
    surroundings: PluginSurroundings,
    isServing: () => boolean,
  ): Promise<HostPluginScope> {
    const { clock, node } = surroundings;
    const pluginId = plugin.id;
    const logger = surroundings.logger.child({ plugin: pluginId });
    const scope = new ResourceStack({
      owner: `plugin ${pluginId}`,
      limitMs: resourceLimitMs,
      clock,
      onDidFail: (error) => {
        logger.error({ error }, 'a resource that came too late could not be closed');
      },
    });
    const stopping = new AbortController();
    const bus = new PluginMessageBus(surroundings.bus, pluginId, scope);
    const store = scope.own(new PluginBackingStore(surroundings.store));
    const transport = new PluginPeerTransport(surroundings.transport, {
      pluginId,
      scope,
      stopping: stopping.signal,
    });
    const routes = new PluginRoutes(surroundings.routes, {
      pluginId,
      scope,
      isServing: () => isServing() && !stopping.signal.aborted,
    });
    const views = new Map<symbol, unknown>([
      [IMessageBus, bus],
      [IPersistentBackingStore, store],
      [IPeerTransport, transport],
    ]);
    const context: PluginContext = Object.freeze({
      pluginId,
      config: plugin.config,
      dataDirectory: await surroundings.dataDirectory.pluginDirectory(pluginId),
      node,
      logger,
      clock,
      services: new PluginServices(surroundings.services, { pluginId, scope, views }),
      bus,
      store,
      routes,
      scope,
      stopping: stopping.signal,
    });
    return new HostPluginScope(context, { resources: scope, routes, stopping });
  }

  /** Tells the plugin that it is to stop; its routes and peer services refuse from now on. */
  beginStop(): void {
    this.#stopping.abort(pluginError('DW_PLUGIN_STOPPED'));
  }

  /** Resolves when no request is at work. */
  drain(): Promise<void> {
    return this.#routes.drain();
  }

  /** @throws AggregateError of what did not close. */
  async close(): Promise<void> {
    this.beginStop();
    await this.#resources.close();
  }
}
