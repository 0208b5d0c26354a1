import type { ScalingMetricDescriptor, ScalingMetrics, WriteAheadLog } from '@datawarehouse/sdk';
import type { DeadLetters } from '../queue/dead-letters.js';
import type { ReplicaRegistry } from '../replicas/replica-registry.js';
import type { StrategyRouter } from '../routing/strategy-router.js';
import type { ReplicationCounters } from './replication-counters.js';

/** What the metrics are read from. */
export interface ReplicationMetricSources {
  readonly log: WriteAheadLog;
  readonly registry: ReplicaRegistry;
  readonly router: StrategyRouter;
  readonly counters: ReplicationCounters;
  readonly deadLetters: DeadLetters;
}

/** Reads the metrics of replication, without I/O and without changing anything. */
export function readReplicationMetrics(sources: ReplicationMetricSources): ScalingMetrics {
  const { log, registry, router, counters } = sources;
  const replicas = registry.list();
  const { appendedCount, readCount, heldEntries, heldBytes } = log.statistics();
  const { conflictsDetected, appliedEvents } = counters;
  const metrics: Record<string, number | string | boolean> = {
    'replication.replicaCount': replicas.length,
    'replication.activeReplicaCount': replicas.filter(({ isActive }) => isActive).length,
    'replication.walSize': heldEntries,
    'replication.walBytes': heldBytes,
    'replication.walWrites': appendedCount,
    'replication.walReads': readCount,
    'replication.totalReplicatedEvents': counters.replicatedEvents,
    'replication.remoteEventsApplied': appliedEvents,
    'replication.conflictsDetected': conflictsDetected,
    'replication.conflictsResolved': counters.conflictsResolved,
    'replication.conflictRate': appliedEvents === 0 ? 0 : conflictsDetected / appliedEvents,
    'replication.streamingComparisons': counters.comparisons,
    'replication.shortCircuitedComparisons': counters.shortCircuitedComparisons,
    'replication.strategyRouteCount': router.routing.routes.length,
    'replication.defaultStrategy': router.routing.defaultStrategy,
    'replication.deadLetters': counters.deadLetters,
    'replication.deadLettersHeld': sources.deadLetters.heldCount,
    'replication.refusedMessages': counters.refusedMessages,
    'replication.truncations': counters.truncations,
    'replication.resynchronisations': counters.resynchronisations,
    'replication.damagedRecords': counters.damagedRecords,
  };
  for (const { nodeId, isActive, consecutiveFailures } of replicas) {
    const state = log.consumer(nodeId);
    const prefix = `replication.replica.${nodeId}`;
    metrics[`${prefix}.lag`] = state?.lagEntries ?? 0;
    metrics[`${prefix}.lagBytes`] = state?.lagBytes ?? 0;
    metrics[`${prefix}.lagSeconds`] = (state?.lagMs ?? 0) / 1000;
    metrics[`${prefix}.active`] = isActive;
    metrics[`${prefix}.consecutiveFailures`] = consecutiveFailures;
  }
  return metrics;
}

const gauge = (key: string, help: string, unit?: ScalingMetricDescriptor['unit']) => ({
  key: `replication.${key}`,
  type: 'gauge' as const,
  help,
  ...(unit && { unit }),
});

const counter = (key: string, help: string) => ({
  key: `replication.${key}`,
  type: 'counter' as const,
  help,
});

/** What the metric keys of replication mean. */
export const replicationMetricDescriptors: readonly ScalingMetricDescriptor[] = Object.freeze([
  gauge('replicaCount', 'Nodes that this one replicates to.'),
  gauge('activeReplicaCount', 'Replicas that answer.'),
  gauge('walSize', 'Entries that the log holds now.'),
  gauge('walBytes', 'Bytes that they take.', 'bytes'),
  counter('walWrites', 'Entries appended to the log.'),
  counter('walReads', 'Entries read from the log, once for each replica and attempt.'),
  counter('totalReplicatedEvents', 'Events of this node that a replica confirmed, once for each.'),
  counter('remoteEventsApplied', 'Events and listed versions of other nodes dealt with here.'),
  counter(
    'conflictsDetected',
    'Versions with other content that arrived, written on another node in ignorance of the one here.',
  ),
  counter('conflictsResolved', 'Conflicts that were decided; the latest version wins.'),
  gauge('conflictRate', 'Conflicts over remote events applied.', 'ratio'),
  counter('streamingComparisons', 'Contents of two versions that were compared.'),
  counter('shortCircuitedComparisons', 'Comparisons that needed no bytes: root digests decided.'),
  gauge('strategyRouteCount', 'Routes in the table.'),
  counter('deadLetters', 'Events and versions of other nodes that could not be applied.'),
  gauge('deadLettersHeld', 'Events among the dead letters now.'),
  counter('refusedMessages', 'Messages of other nodes that were malformed or lied.'),
  counter('truncations', 'Times that a replica fell behind what the log held.'),
  counter('resynchronisations', 'Full exchanges with another node that were completed.'),
  counter('damagedRecords', 'Stored records found damaged.'),
  gauge('replica.<replica>.lag', 'Entries that the replica has not confirmed.'),
  gauge('replica.<replica>.lagBytes', 'Bytes of the log that hold them, at most.', 'bytes'),
  gauge('replica.<replica>.lagSeconds', 'Age of the oldest of them.', 'seconds'),
  gauge('replica.<replica>.active', 'Whether the replica answers.'),
  gauge('replica.<replica>.consecutiveFailures', 'Probes in a row that it did not answer.'),
]);
