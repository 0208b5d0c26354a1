import { type IMessageBus, INodeIdentity } from '@datawarehouse/sdk';
import { ContainerModule } from 'inversify';
import type { HostView } from '../api/host-view.js';
import { HttpServer } from '../api/http-server.js';
import type { Cluster } from '../cluster/open-cluster.js';
import type { ScalingRegistry } from '../scaling/scaling-registry.js';
import type { HostInputs, HostState } from './host-state.js';
import { hostTokens } from './host-tokens.js';
import { hostVersion } from './host-version.js';

/** Binds the HTTP API. */
export function apiModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind<HttpServer>(hostTokens.httpServer)
      .toResolvedValue(open, [
        hostTokens.inputs,
        hostTokens.state,
        hostTokens.token,
        INodeIdentity,
        hostTokens.cluster,
        hostTokens.scaling,
        hostTokens.bus,
      ])
      .inSingletonScope();
  });
}

function open(
  { configuration, logger, clock }: HostInputs,
  state: HostState,
  token: string,
  { nodeId, publicKey }: INodeIdentity,
  { membership, httpRoutes }: Cluster,
  scaling: ScalingRegistry,
  bus: IMessageBus,
): Promise<HttpServer> {
  const { host, port } = configuration.http;
  const view: HostView = {
    nodeId,
    publicKey,
    version: hostVersion,
    startedAtMs: state.startedAtMs,
    plugins: () => state.plugins(),
    isReady: () => state.isReady,
    scaling,
    membership,
    bus,
  };
  return HttpServer.open({
    host,
    port,
    token,
    view,
    logger: logger.child({ part: 'api' }),
    peerRoutes: httpRoutes,
    clock,
  });
}
