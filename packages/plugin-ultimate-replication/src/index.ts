/**
 * Replicates namespaced objects between nodes. The host loads it by its manifest.
 *
 * @packageDocumentation
 */

import type { IPlugin } from '@datawarehouse/sdk';
import { UltimateReplicationPlugin } from './ultimate-replication-plugin.js';

export { type ReplicationConfig, replicationConfigSchema } from './configuration.js';
export type { ConflictResolver, ContentMerge } from './conflict/conflict-resolver.js';
export {
  type ReplicationErrorCode,
  replicationError,
  replicationErrors,
} from './errors/replication-errors.js';
export {
  IReplicatedObjectStore,
  type ListOptions,
  type ObjectInfo,
  type ObjectSibling,
  type ObjectSiblings,
  type PutOptions,
  type PutReceipt,
  type ReadableObject,
  type WriteOptions,
  type WriteReceipt,
} from './objects/object-store-contract.js';
export {
  type ReplicaChange,
  type ReplicaTruncation,
  replicaChangedTopic,
  replicaTruncatedTopic,
} from './replicas/replica-topics.js';
export {
  type StrategyRoutingChange,
  strategyRoutingTopic,
} from './routing/strategy-routing-topic.js';
export {
  ReplicationScalingManager,
  type ReplicationScalingParts,
} from './scaling/replication-scaling-manager.js';
export { IReplicationExtensions } from './strategies/replication-extensions.js';
export type { ReplicationStrategy } from './strategies/replication-strategy.js';
export { UltimateReplicationPlugin } from './ultimate-replication-plugin.js';

/** Makes the plugin. */
export function createPlugin(): IPlugin {
  return new UltimateReplicationPlugin();
}
