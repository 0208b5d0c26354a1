import {
  IClusterMembership,
  INodeIdentity,
  IPeerTransport,
  IPersistentBackingStore,
} from '@datawarehouse/sdk';
import { Container } from 'inversify';
import type { HttpServer } from '../api/http-server.js';
import type { Cluster } from '../cluster/open-cluster.js';
import type { DataDirectory } from '../persistence/data-directory.js';
import type { PluginManager } from '../running/plugin-manager.js';
import type { ScalingRegistry } from '../scaling/scaling-registry.js';
import { apiModule } from './api-module.js';
import { clusterModule } from './cluster-module.js';
import type { HostInputs, HostState } from './host-state.js';
import { hostTokens } from './host-tokens.js';
import { messagingModule } from './messaging-module.js';
import { persistenceModule } from './persistence-module.js';
import { runningModule } from './running-module.js';
import { scalingModule } from './scaling-module.js';

/** The parts that a host's life is made of. */
export interface HostParts {
  readonly dataDirectory: DataDirectory;
  readonly token: string;
  readonly identity: INodeIdentity;
  readonly cluster: Cluster;
  readonly scaling: ScalingRegistry;
  readonly server: HttpServer;
  readonly plugins: PluginManager;
}

/**
 * Opens every part of a host, each after those that it needs. All of them go to
 * `inputs.resources`, which closes them in reverse order, also where one could not be opened.
 */
export async function openHostParts(inputs: HostInputs, state: HostState): Promise<HostParts> {
  const container = new Container();
  container.bind<HostInputs>(hostTokens.inputs).toConstantValue(inputs);
  container.bind<HostState>(hostTokens.state).toConstantValue(state);
  container.load(
    persistenceModule(),
    messagingModule(),
    clusterModule(),
    scalingModule(),
    apiModule(),
    runningModule(container),
  );
  // One after another, so that the order of opening, and with it that of closing, never changes.
  const dataDirectory = await container.getAsync<DataDirectory>(hostTokens.dataDirectory);
  // Its lock keeps another process from making the files beside it.
  await container.getAsync(IPersistentBackingStore);
  const token = await container.getAsync<string>(hostTokens.token);
  const identity = await container.getAsync<INodeIdentity>(INodeIdentity);
  const cluster = await container.getAsync<Cluster>(hostTokens.cluster);
  // Plugins get these in calls that cannot wait.
  await container.getAsync(IClusterMembership);
  await container.getAsync(IPeerTransport);
  const scaling = await container.getAsync<ScalingRegistry>(hostTokens.scaling);
  const server = await container.getAsync<HttpServer>(hostTokens.httpServer);
  const plugins = await container.getAsync<PluginManager>(hostTokens.plugins);
  state.plugins = () => plugins.statuses();
  ownInOrder(inputs, state, { server, plugins });
  return { dataDirectory, token, identity, cluster, scaling, server, plugins };
}

/** Plugins stop while the API still answers, and close what they opened when it no longer does. */
function ownInOrder(
  { resources }: HostInputs,
  state: HostState,
  { server, plugins }: Pick<HostParts, 'server' | 'plugins'>,
): void {
  resources.own({ [Symbol.asyncDispose]: () => plugins.close() });
  resources.own({ [Symbol.asyncDispose]: () => server.close({ graceMs: state.remainingMs }) });
  resources.own({ [Symbol.asyncDispose]: () => plugins.stop(state.remainingMs) });
}
