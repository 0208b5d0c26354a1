import { join } from 'node:path';
import {
  type ContentStore,
  IClusterMembership,
  type IPeerTransport,
  type PluginContext,
  type WriteAheadLog,
} from '@datawarehouse/sdk';
import type { ReplicationConfig } from '../configuration.js';
import type { ObjectApplier } from '../objects/object-applier.js';
import type { ObjectTable } from '../objects/object-table.js';
import type { OriginPositions } from '../queue/origin-positions.js';
import { ReplicationPeer } from '../queue/replication-peer.js';
import type { ReplicaRegistry } from '../replicas/replica-registry.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';
import { BundleFolder } from './bundles/bundle-folder.js';
import { BundleImporter } from './bundles/bundle-importer.js';
import { BundleIndex } from './bundles/bundle-index.js';
import { BundleUploads } from './bundles/bundle-uploads.js';
import { BundleWriter } from './bundles/bundle-writer.js';
import { ReplicaPlaces } from './bundles/replica-places.js';
import { DigestIndex } from './digest-index.js';
import { DigestServer } from './digest-server.js';
import { HybridSwitch } from './hybrid-switch.js';
import { OnlineChannel } from './online-channel.js';
import { digestOfVisible } from './record-digest.js';
import { RemoteVersions } from './remote-versions.js';
import { ReplicationSync } from './replication-sync.js';
import { Resynchroniser } from './resynchroniser.js';
import { SnapshotServer } from './snapshot-server.js';
import { SyncPauses } from './sync-pauses.js';
import { SyncPeer } from './sync-peer.js';
import { SyncSchedule } from './sync-schedule.js';
import { TreeExchange } from './tree-exchange.js';

/** What synchronisation is wired to. */
export interface SyncDependencies {
  readonly config: ReplicationConfig;
  readonly transport: IPeerTransport;
  readonly content: ContentStore;
  readonly table: ObjectTable;
  readonly log: WriteAheadLog;
  readonly strategies: StrategyRegistry;
  readonly applier: ObjectApplier;
  readonly positions: OriginPositions;
  readonly counters: ReplicationCounters;
  readonly registry: ReplicaRegistry;
}

/** Opens the parts of synchronisation, and wires them. Nothing runs yet. */
export async function openSyncParts(context: PluginContext, dependencies: SyncDependencies) {
  const exchanging = wireExchange(context, dependencies);
  const bundling = await wireBundles(context, dependencies, exchanging);
  const { clock, logger, store } = context;
  const { config, registry } = dependencies;
  const pauses = await SyncPauses.open(store);
  const isActive = (nodeId: string) => registry.get(nodeId)?.isActive === true;
  const sync = new ReplicationSync({
    ...{ mode: config.syncMode, isReachable: isActive, pauses, clock, logger },
    ...{ offline: bundling.offline, airGap: bundling.airGap },
    online: new OnlineChannel(exchanging.exchange),
  });
  const targets = (isWanted: (isActive: boolean) => boolean) => () =>
    registry
      .list()
      .filter((replica) => isWanted(replica.isActive) && !pauses.has(replica.nodeId))
      .map(({ nodeId }) => nodeId);
  const isByNetwork = config.syncMode === 'online' || config.syncMode === 'hybrid';
  const schedule = new SyncSchedule({
    ...{ intervalMs: config.syncIntervalMs, clock, logger },
    targets: targets((active) => active || !isByNetwork),
    sync: async (targetNodeId, signal) => {
      const { error } = await sync.sync({ targetNodeId, mode: config.syncMode }, { signal });
      if (error && !signal.aborted) logger.warn({ error, replica: targetNodeId }, 'sync failed');
    },
  });
  exchanging.index.onDidFindDamage = () => schedule.urge();
  const isHybrid = config.syncMode === 'hybrid';
  const hybrid = new HybridSwitch({
    ...{ sync, clock, logger, intervalMs: isHybrid ? config.bundleIntervalMs : 0 },
    unreachable: targets((active) => !active),
  });
  registry.listen(hybrid);
  return { ...exchanging, ...bundling, pauses, sync, schedule, hybrid };
}

function wireExchange(context: PluginContext, dependencies: SyncDependencies) {
  const { clock, store, logger, node, scope } = context;
  const { transport, content, table, log, strategies, applier, positions, counters } = dependencies;
  const peerOf = (nodeId: string) => new ReplicationPeer(transport, nodeId);
  const syncPeerOf = (nodeId: string) => new SyncPeer(transport, nodeId);
  const snapshots = new SnapshotServer({ table, log, strategies, nodeId: node.nodeId });
  const mayLeave = snapshots.mayLeave.bind(snapshots);
  const index = scope.own(new DigestIndex({ table, store, digestOf: digestOfVisible(mayLeave) }));
  table.observer = index;
  const digests = new DigestServer({ index, table, log, clock, mayLeave });
  const versions = new RemoteVersions({ content, applier, counters, logger });
  const exchange = new TreeExchange({
    ...{ index, table, versions, clock, syncPeerOf },
    payloadsOf: (nodeId) => (inline) => peerOf(nodeId).payloads(inline),
  });
  const resynchroniser = new Resynchroniser({
    ...{ store, table, versions, exchange, positions, peerOf, counters, logger },
  });
  return { snapshots, mayLeave, index, digests, versions, exchange, resynchroniser, syncPeerOf };
}

async function wireBundles(
  context: PluginContext,
  dependencies: SyncDependencies,
  { mayLeave, versions }: ReturnType<typeof wireExchange>,
) {
  const { clock, store, logger, node, dataDirectory, services } = context;
  const { config, content, table, log, positions } = dependencies;
  await BundleIndex.removeAll(store);
  const membership = services.get(IClusterMembership);
  const pinnedKey = (nodeId: string) =>
    Object.hasOwn(config.bundleKeys, nodeId) ? config.bundleKeys[nodeId] : undefined;
  const trustedKey = (nodeId: string) => pinnedKey(nodeId) ?? membership.member(nodeId)?.publicKey;
  const places = new ReplicaPlaces(log);
  const bundleWriter = new BundleWriter({
    ...{ node, store, table, content, log, clock, mayLeave },
    received: (nodeId) => positions.get(nodeId),
  });
  const importer = new BundleImporter({
    ...{ nodeId: node.nodeId, store, versions, positions, places },
  });
  const uploads = new BundleUploads({
    ...{ folder: join(dataDirectory, 'bundles'), importer, clock },
    maxBytes: config.maxBundleBytes,
  });
  const shared = { folder: config.bundleFolder, nodeId: node.nodeId, importer, places };
  const offline = new BundleFolder({ ...shared, bundleWriter, logger, trustedKey });
  const airGap = new BundleFolder({ ...shared, bundleWriter, logger, trustedKey: pinnedKey });
  return { bundleWriter, uploads, trustedKey, pinnedKey, offline, airGap };
}
