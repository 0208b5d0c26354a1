import { INodeIdentity, IPersistentBackingStore } from '@datawarehouse/sdk';
import { type Container, ContainerModule } from 'inversify';
import type { HttpServer } from '../api/http-server.js';
import type { Cluster } from '../cluster/open-cluster.js';
import type { InProcessMessageBus } from '../messaging/in-process-message-bus.js';
import type { DataDirectory } from '../persistence/data-directory.js';
import { PluginManager } from '../running/plugin-manager.js';
import type { ScalingRegistry } from '../scaling/scaling-registry.js';
import { HostServices } from './host-services.js';
import type { HostInputs } from './host-state.js';
import { hostTokens } from './host-tokens.js';

/** Binds the manager of the plugins, which has all the rest for them. */
export function runningModule(container: Container): ContainerModule {
  const open = (
    { configuration, logger, clock, signal }: HostInputs,
    node: INodeIdentity,
    store: IPersistentBackingStore,
    bus: InProcessMessageBus,
    { transport }: Cluster,
    scaling: ScalingRegistry,
    { routes }: HttpServer,
    dataDirectory: DataDirectory,
  ): PluginManager => {
    const services = new HostServices(container, scaling);
    const { timeouts } = configuration;
    return new PluginManager({
      node,
      logger,
      clock,
      services,
      bus,
      store,
      transport,
      routes,
      scaling,
      dataDirectory,
      timeouts,
      signal,
    });
  };
  return new ContainerModule(({ bind }) => {
    bind<PluginManager>(hostTokens.plugins)
      .toResolvedValue(open, [
        hostTokens.inputs,
        INodeIdentity,
        IPersistentBackingStore,
        hostTokens.bus,
        hostTokens.cluster,
        hostTokens.scaling,
        hostTokens.httpServer,
        hostTokens.dataDirectory,
      ])
      .inSingletonScope();
  });
}
