import type { INodeIdentity } from '../distributed/node-identity.js';
import type { IMessageBus } from '../messaging/message-bus.js';
import type { IPersistentBackingStore } from '../persistence/persistent-backing-store.js';
import type { Clock } from './clock.js';
import type { HttpRouteRegistry } from './http-route.js';
import type { Logger } from './logger.js';
import type { ServiceRegistry } from './service-registry.js';

/** Everything that a plugin opens; closed in reverse order after it has stopped. */
export interface PluginScope {
  /**
   * Hands something over to be closed with the plugin.
   *
   * @returns The same thing.
   * @throws {@link DwError} `DW_PLUGIN_STOPPED`; the thing is closed at once then.
   */
  own<T extends Disposable | AsyncDisposable>(resource: T): T;
}

/**
 * What the host gives a plugin. All that is opened through it (subscriptions, routes, services)
 * is closed when the plugin stops.
 */
export interface PluginContext {
  /** Id from the manifest. */
  readonly pluginId: string;
  /** The plugin's section of the configuration, checked against the manifest's schema. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Folder of this plugin's own files, made before the first call. */
  readonly dataDirectory: string;
  /** Who this node is. */
  readonly node: INodeIdentity;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly services: ServiceRegistry;
  readonly bus: IMessageBus;
  /** The node's store, shared by all plugins; keep to the path layouts of the documentation. */
  readonly store: IPersistentBackingStore;
  readonly routes: HttpRouteRegistry;
  readonly scope: PluginScope;
  /** Aborted when the plugin begins to stop. */
  readonly stopping: AbortSignal;
}
