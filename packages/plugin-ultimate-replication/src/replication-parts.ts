import { join } from 'node:path';
import {
  BackpressureGate,
  ConcurrencyLimit,
  ContentPacks,
  ContentStore,
  defaultScalingLimits,
  IClusterMembership,
  IPeerTransport,
  type PluginContext,
  storePath,
  WriteAheadLog,
} from '@datawarehouse/sdk';
import type { ReplicationConfig } from './configuration.js';
import { ConflictDetector } from './conflict/conflict-detector.js';
import { ConflictLog } from './conflict/conflict-log.js';
import { HybridClock } from './objects/hybrid-clock.js';
import { ObjectApplier } from './objects/object-applier.js';
import { ObjectTable } from './objects/object-table.js';
import { ObjectWriter } from './objects/object-writer.js';
import { ReplicatedObjectStore } from './objects/replicated-object-store.js';
import { StateChanges } from './objects/state-changes.js';
import { AppendGate } from './queue/append-gate.js';
import { Confirmations } from './queue/confirmations.js';
import { DeadLetterRetry } from './queue/dead-letter-retry.js';
import { DeadLetters } from './queue/dead-letters.js';
import { EventReceiver } from './queue/event-receiver.js';
import { OriginPositions } from './queue/origin-positions.js';
import { ReplicationPeer } from './queue/replication-peer.js';
import { WriteConfirmation } from './queue/write-confirmation.js';
import { ReplicaLinks } from './replicas/replica-links.js';
import { ReplicaRegistry } from './replicas/replica-registry.js';
import { ReplicaRemoval } from './replicas/replica-removal.js';
import { StrategyRouter } from './routing/strategy-router.js';
import { createReplicationCounters } from './scaling/replication-counters.js';
import { ReplicationScalingManager } from './scaling/replication-scaling-manager.js';
import { StrategyRegistry } from './strategies/strategy-registry.js';
import { ConflictEvents } from './sync/conflict-events.js';
import { SyncControl } from './sync/sync-control.js';
import { openSyncParts } from './sync/sync-parts.js';

/** The parts of replication on one node, wired to one another. */
export type ReplicationParts = Awaited<ReturnType<typeof openReplicationParts>>;

type StoredParts = Awaited<ReturnType<typeof openStoredParts>>;

/** Opens what has state in the store. The scope closes it. */
async function openStoredParts(context: PluginContext, config: ReplicationConfig) {
  const { store, clock, logger, scope, node, dataDirectory } = context;
  const counters = createReplicationCounters();
  const strategies = new StrategyRegistry();
  const router = await StrategyRouter.open({
    ...{ store, strategies, configured: config },
    maxCacheEntries: defaultScalingLimits.maxCacheEntries,
  });
  scope.own(router);
  const content = await ContentStore.open({
    ...{ store, clock, maxContentBytes: config.maxObjectBytes },
    path: storePath('content', 'replication'),
    medium: await ContentPacks.open({ directory: join(dataDirectory, 'content') }),
  });
  scope.own(content);
  const log = await WriteAheadLog.open({
    ...{ store, clock, retentionMs: config.retentionMs, maxHeldBytes: config.maxLogBytes },
    path: storePath('replication', 'wal'),
    offsetsPath: storePath('replication', 'offsets'),
  });
  scope.own(log);
  const table = new ObjectTable({ store, logger, counters });
  const versions = new HybridClock({
    ...{ nodeId: node.nodeId, clock, maxDriftMs: config.maxClockDriftMs },
    last: await table.lastVersion(),
  });
  const positions = await OriginPositions.open(store, logger);
  const conflicts = await ConflictLog.open({
    ...{ store, content, clock, logger, nodeId: node.nodeId },
    retentionMs: config.conflictRetentionMs,
    maxEntries: config.maxConflicts,
    maxHeldBytes: config.maxConflictBytes,
  });
  const detector = new ConflictDetector(content, counters);
  const changes = new StateChanges({ content, table, detector, conflicts, counters });
  const objectParts = { content, table, versions, conflicts, changes };
  const deadLetters = await DeadLetters.open({ store, clock });
  return { ...objectParts, counters, strategies, router, log, positions, deadLetters };
}

/** Opens the parts of replication and wires them. Nothing runs yet. */
export async function openReplicationParts(context: PluginContext, config: ReplicationConfig) {
  const stored = await openStoredParts(context, config);
  const registry = new ReplicaRegistry({
    ...{ bus: context.bus, log: stored.log, logger: context.logger },
    membership: context.services.get(IClusterMembership),
    nodeId: context.node.nodeId,
  });
  const writing = wireWriting(context, config, stored, registry);
  const receiving = await wireReceiving(context, config, stored, registry);
  const { gate, writes, confirmations, appendGate } = writing;
  const { log, router, counters, content, positions, deadLetters } = stored;
  const scaling = new ReplicationScalingManager({
    ...{ log, router, counters, registry, gate, deadLetters },
    concurrency: [writes, receiving.fetches],
  });
  const links = new ReplicaLinks({
    ...{ registry, log, content, counters, positions, confirmations, gate: appendGate },
    ...{ nodeId: context.node.nodeId, clock: context.clock, logger: context.logger },
    transport: context.services.get(IPeerTransport),
    resynchroniser: receiving.resynchroniser,
    healthIntervalMs: config.healthIntervalMs,
    dispatchLimits: () => scaling.dispatchLimits,
    isPaused: (nodeId) => receiving.pauses.has(nodeId),
  });
  registry.listen(links);
  const removal = new ReplicaRemoval({
    ...{ nodeId: context.node.nodeId, logger: context.logger, peerOf: receiving.peerOf },
    membership: context.services.get(IClusterMembership),
  });
  receiving.pauses.onDidChange = (nodeId) => links.reconsider(nodeId);
  const conflictEvents = new ConflictEvents({
    ...{ nodeId: context.node.nodeId, table: stored.table, content, sync: receiving.sync },
    logger: context.logger,
  });
  stored.conflicts.onDidStore = (entries) => void conflictEvents.tell(entries);
  const control = new SyncControl({
    ...{ ...receiving, store: context.store, positions },
    contact: (nodeId) => links.suspected(nodeId),
  });
  return { ...stored, ...writing, ...receiving, registry, scaling, links, control, removal };
}

/** What a write on this node goes through. */
function wireWriting(
  { clock, store, scope }: PluginContext,
  { confirmTimeoutMs, maxObjectBytes }: ReplicationConfig,
  { content, log, table, versions, changes, router }: StoredParts,
  registry: ReplicaRegistry,
) {
  const gate = scope.own(new BackpressureGate({ subsystemName: 'replication', clock }));
  const appendGate = new AppendGate({
    ...{ gate, clock, waitMs: confirmTimeoutMs },
    confirmedSequence: () => registry.confirmedSequence(),
  });
  const confirmations = scope.own(new Confirmations());
  const confirmation = new WriteConfirmation({
    ...{ confirmations, replicas: registry, log, clock, timeoutMs: confirmTimeoutMs },
  });
  const writes = new ConcurrencyLimit(defaultScalingLimits.maxConcurrentOperations);
  const writer = new ObjectWriter({
    ...{ store, content, log, table, changes, versions, gate: appendGate, clock },
  });
  const objects = new ReplicatedObjectStore({
    ...{ table, content, router, writer, confirmation, maxObjectBytes, concurrency: writes },
  });
  return { gate, appendGate, confirmations, writes, objects };
}

/** What versions of other nodes go through. */
async function wireReceiving(
  context: PluginContext,
  config: ReplicationConfig,
  stored: StoredParts,
  registry: ReplicaRegistry,
) {
  const { clock, store, logger, services } = context;
  const { content, table, versions, changes, counters, positions } = stored;
  const transport = services.get(IPeerTransport);
  const peerOf = (nodeId: string) => new ReplicationPeer(transport, nodeId);
  const fetches = new ConcurrencyLimit(defaultScalingLimits.maxConcurrentOperations);
  const applier = new ObjectApplier({
    ...{ store, content, table, changes, versions, counters, concurrency: fetches },
    maxObjectBytes: config.maxObjectBytes,
  });
  const syncing = await openSyncParts(context, {
    ...{ ...stored, config, transport, applier, registry },
  });
  const { resynchroniser } = syncing;
  const shared = { content, applier, positions, peerOf, counters, logger };
  const { deadLetters } = stored;
  const receiver = new EventReceiver({ ...shared, clock, deadLetters, resynchroniser });
  const letterRetry = new DeadLetterRetry({ deadLetters, applier, peerOf });
  return { ...syncing, fetches, receiver, transport, peerOf, letterRetry };
}
