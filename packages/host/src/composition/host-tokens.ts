import type { Contract } from '@datawarehouse/sdk';
import type { HttpServer } from '../api/http-server.js';
import type { Cluster } from '../cluster/open-cluster.js';
import type { InProcessMessageBus } from '../messaging/in-process-message-bus.js';
import type { DataDirectory } from '../persistence/data-directory.js';
import type { PluginManager } from '../running/plugin-manager.js';
import type { ScalingRegistry } from '../scaling/scaling-registry.js';
import type { HostInputs, HostState } from './host-state.js';

/** A token of the host's own, which no plugin can name. */
function own<T>(name: string): Contract<T> {
  return Symbol(name);
}

/** Tokens of what only the host's modules need. */
export const hostTokens = Object.freeze({
  inputs: own<HostInputs>('inputs'),
  state: own<HostState>('state'),
  dataDirectory: own<DataDirectory>('dataDirectory'),
  token: own<string>('token'),
  bus: own<InProcessMessageBus>('bus'),
  cluster: own<Cluster>('cluster'),
  scaling: own<ScalingRegistry>('scaling'),
  httpServer: own<HttpServer>('httpServer'),
  plugins: own<PluginManager>('plugins'),
});
