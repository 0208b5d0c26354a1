import type { IClusterMembership, IMessageBus } from '@datawarehouse/sdk';
import type { PluginStatus } from '../running/plugin-status.js';
import type { ScalingRegistry } from '../scaling/scaling-registry.js';

/** What the HTTP API shows of the host. */
export interface HostView {
  readonly nodeId: string;
  /** Raw Ed25519 public key, base64url. */
  readonly publicKey: string;
  /** Version of the host's package. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  plugins(): readonly PluginStatus[];
  /** Whether every plugin that can start has started, and none is stopping. */
  isReady(): boolean;
  readonly scaling: Pick<ScalingRegistry, 'list' | 'get' | 'reconfigure'>;
  readonly membership: IClusterMembership;
  readonly bus: Pick<IMessageBus, 'statistics'>;
}
