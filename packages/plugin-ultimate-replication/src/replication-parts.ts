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
import { configuredStrategies, type ReplicationConfig } from './configuration.js';
import { ConflictDetector } from './conflict/conflict-detector.js';
import { ConflictLog } from './conflict/conflict-log.js';
import { ResolverRegistry } from './conflict/resolver-registry.js';
import { ConflictSettler } from './objects/conflict-settler.js';
import { HybridClock } from './objects/hybrid-clock.js';
import { ObjectApplier } from './objects/object-applier.js';
import { ObjectReader } from './objects/object-reader.js';
import { ObjectTable } from './objects/object-table.js';
import { ObjectWriter } from './objects/object-writer.js';
import { ReplicatedObjectStore } from './objects/replicated-object-store.js';
import { StateChanges } from './objects/state-changes.js';
import { ForwardedWrites } from './primary/forwarded-writes.js';
import { PrimaryRegister } from './primary/primary-register.js';
import { WriteForwarder } from './primary/write-forwarder.js';
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
import { OnlineSync } from './sync/online-sync.js';
import { Resynchroniser } from './sync/resynchroniser.js';
import { SnapshotServer } from './sync/snapshot-server.js';

/** The parts of replication on one node, wired to one another. */
export type ReplicationParts = Awaited<ReturnType<typeof openReplicationParts>>;

type StoredParts = Awaited<ReturnType<typeof openStoredParts>>;

/** Opens what has state in the store. The scope closes it. */
async function openStoredParts(context: PluginContext, config: ReplicationConfig) {
  const { store, clock, logger, scope, node, dataDirectory } = context;
  const counters = createReplicationCounters();
  const resolvers = new ResolverRegistry();
  const strategies = new StrategyRegistry(configuredStrategies(config), resolvers);
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
  const primary = await PrimaryRegister.open(store, logger);
  const objectParts = { content, table, versions, conflicts, changes, primary };
  const deadLetters = await DeadLetters.open({ store, clock });
  return {
    ...{ ...objectParts, counters, resolvers, strategies, router, log, positions },
    deadLetters,
  };
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
  await writing.forwarder.recover();
  const receiving = wireReceiving(context, config, stored);
  const { gate, writes, confirmations, appendGate } = writing;
  const { log, router, counters, content, positions, deadLetters, primary } = stored;
  const scaling = new ReplicationScalingManager({
    ...{ log, router, counters, registry, gate, deadLetters },
    concurrency: [writes, receiving.fetches],
  });
  const links = new ReplicaLinks({
    ...{ registry, log, content, counters, positions, confirmations, gate: appendGate },
    ...{ nodeId: context.node.nodeId, clock: context.clock, logger: context.logger },
    transport: context.services.get(IPeerTransport),
    resynchroniser: receiving.resynchroniser,
    primary,
    healthIntervalMs: config.healthIntervalMs,
    dispatchLimits: () => scaling.dispatchLimits,
  });
  registry.listen(links);
  const removal = new ReplicaRemoval({
    ...{ nodeId: context.node.nodeId, logger: context.logger, peerOf: receiving.peerOf },
    membership: context.services.get(IClusterMembership),
  });
  const forwarded = new ForwardedWrites({
    ...{ nodeId: context.node.nodeId, register: primary, content, strategies: stored.strategies },
    ...{ peerOf: receiving.peerOf, maxObjectBytes: config.maxObjectBytes },
    write: (change) => writing.objects.write(change),
  });
  return { ...stored, forwarded, ...writing, ...receiving, registry, scaling, links, removal };
}

/** What a write on this node goes through. */
function wireWriting(
  { clock, store, scope, services, node, logger }: PluginContext,
  { confirmTimeoutMs, maxObjectBytes, maxSiblings }: ReplicationConfig,
  { content, log, table, versions, changes, router, strategies, primary }: StoredParts,
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
    ...{ strategies, maxSiblings },
  });
  const transport = services.get(IPeerTransport);
  const forwarder = new WriteForwarder({
    ...{ nodeId: node.nodeId, register: primary, store, content, logger },
    peerOf: (nodeId) => new ReplicationPeer(transport, nodeId),
  });
  const objects = new ReplicatedObjectStore({
    ...{ table, content, router, strategies, writer, confirmation, forwarder, maxObjectBytes },
    reader: new ObjectReader({ table, content, strategies }),
    concurrency: writes,
  });
  return { gate, appendGate, confirmations, writes, forwarder, objects };
}

/** What versions of other nodes go through. */
function wireReceiving(
  { clock, store, logger, services, node }: PluginContext,
  { maxObjectBytes }: ReplicationConfig,
  stored: StoredParts,
) {
  const { content, table, versions, changes, counters } = stored;
  const { positions, log, strategies, deadLetters } = stored;
  const transport = services.get(IPeerTransport);
  const peerOf = (nodeId: string) => new ReplicationPeer(transport, nodeId);
  const fetches = new ConcurrencyLimit(defaultScalingLimits.maxConcurrentOperations);
  const settler = new ConflictSettler({
    ...{ nodeId: node.nodeId, log, table, changes, versions, strategies, clock, logger },
  });
  const applier = new ObjectApplier({
    ...{ store, content, table, changes, versions, counters, maxObjectBytes },
    settle: (path) => settler.settle(path),
    concurrency: fetches,
  });
  const shared = { content, applier, positions, peerOf, counters, logger };
  const resynchroniser = new Resynchroniser({ ...shared, store });
  const receiver = new EventReceiver({ ...shared, clock, deadLetters, resynchroniser });
  const snapshots = new SnapshotServer({ table, log, strategies, nodeId: node.nodeId });
  const sync = new OnlineSync({ resynchroniser, peerOf, clock, logger });
  const letterRetry = new DeadLetterRetry({ deadLetters, applier, peerOf });
  return { fetches, receiver, resynchroniser, snapshots, sync, transport, peerOf, letterRetry };
}
