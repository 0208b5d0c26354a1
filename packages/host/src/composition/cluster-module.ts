import {
  IClusterMembership,
  type IMessageBus,
  INodeIdentity,
  IPeerTransport,
  IPersistentBackingStore,
} from '@datawarehouse/sdk';
import { ContainerModule } from 'inversify';
import { NodeIdentity } from '../cluster/node-identity.js';
import { type Cluster, openCluster } from '../cluster/open-cluster.js';
import type { DataDirectory } from '../persistence/data-directory.js';
import type { HostInputs, HostState } from './host-state.js';
import { hostTokens } from './host-tokens.js';

/** Binds who this node is, who the others are, and how to call them. */
export function clusterModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind<INodeIdentity>(INodeIdentity)
      .toResolvedValue(
        ({ configuration }: HostInputs, { path }: DataDirectory) =>
          NodeIdentity.open({ dataDirectory: path, nodeId: configuration.node.id }),
        [hostTokens.inputs, hostTokens.dataDirectory],
      )
      .inSingletonScope();
    bind<Cluster>(hostTokens.cluster)
      .toResolvedValue(open, [
        hostTokens.inputs,
        hostTokens.state,
        INodeIdentity,
        IPersistentBackingStore,
        hostTokens.bus,
      ])
      .inSingletonScope();
    bind<IClusterMembership>(IClusterMembership)
      .toResolvedValue(({ membership }: Cluster) => membership, [hostTokens.cluster])
      .inSingletonScope();
    bind<IPeerTransport>(IPeerTransport)
      .toResolvedValue(({ transport }: Cluster) => transport, [hostTokens.cluster])
      .inSingletonScope();
  });
}

async function open(
  { configuration, logger, clock, resources }: HostInputs,
  state: HostState,
  identity: INodeIdentity,
  store: IPersistentBackingStore,
  bus: IMessageBus,
): Promise<Cluster> {
  const { secret, peers } = configuration.cluster;
  const { advertise } = configuration.http;
  const cluster = await openCluster({
    identity,
    store,
    bus,
    secret,
    peers,
    endpoint: () => advertise ?? state.endpoint,
    logger: logger.child({ part: 'cluster' }),
    clock,
  });
  resources.own({
    [Symbol.asyncDispose]: () => cluster.close({ announceLeave: state.isAnnounced }),
  });
  return cluster;
}
