import type {
  Clock,
  HttpRouteRegistry,
  INodeIdentity,
  IPeerTransport,
  IPersistentBackingStore,
} from '@datawarehouse/sdk';
import type { HostServices } from '../composition/host-services.js';
import type { HostConfiguration } from '../configuration/host-configuration.js';
import type { HostLogger } from '../logging/host-logger.js';
import type { InProcessMessageBus } from '../messaging/in-process-message-bus.js';
import type { DataDirectory } from '../persistence/data-directory.js';
import type { ScalingRegistry } from '../scaling/scaling-registry.js';

/** What the host has for its plugins. */
export interface PluginSurroundings {
  readonly node: INodeIdentity;
  readonly logger: HostLogger;
  readonly clock: Clock;
  readonly services: HostServices;
  readonly bus: InProcessMessageBus;
  readonly store: IPersistentBackingStore;
  readonly transport: IPeerTransport;
  readonly routes: HttpRouteRegistry;
  readonly scaling: ScalingRegistry;
  readonly dataDirectory: DataDirectory;
  readonly timeouts: HostConfiguration['timeouts'];
  /** Gives the start of the plugins up. */
  readonly signal?: AbortSignal | undefined;
}
