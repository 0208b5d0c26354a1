import type { HttpRoute, WriteAheadLog } from '@datawarehouse/sdk';
import type { OriginPositions } from '../queue/origin-positions.js';
import { logStateOf } from '../queue/peer-messages.js';
import type { Replica, ReplicaRegistry } from '../replicas/replica-registry.js';
import type { ReplicaRemoval } from '../replicas/replica-removal.js';
import type { Resynchroniser } from '../sync/resynchroniser.js';

/** What the routes of replicas read from. */
export interface ReplicaRoutesOptions {
  readonly nodeId: string;
  readonly log: WriteAheadLog;
  readonly registry: ReplicaRegistry;
  readonly positions: OriginPositions;
  readonly resynchroniser: Resynchroniser;
  readonly removal: ReplicaRemoval;
}

/** HTTP routes of replicas. They join with the cluster's members. */
export function replicaRoutes(options: ReplicaRoutesOptions): readonly HttpRoute[] {
  const { nodeId, log, registry, removal } = options;
  return [
    {
      method: 'GET',
      path: '/api/v1/replicas',
      summary: 'Lists the replicas: whether they answer, and how far they are behind.',
      handle: async () => ({
        json: {
          nodeId,
          log: { ...logStateOf(log), heldEntries: log.heldEntries, heldBytes: log.heldBytes },
          replicas: registry.list().map((replica) => describe(replica, options)),
        },
      }),
    },
    {
      method: 'DELETE',
      path: '/api/v1/replicas/:id',
      summary: 'Forgets a node for good, here and on every other node that can be reached.',
      handle: async ({ params, signal }) => ({
        json: await removal.remove(params.id ?? '', signal),
      }),
    },
  ];
}

function describe(replica: Replica, { log, positions, resynchroniser }: ReplicaRoutesOptions) {
  const { nodeId, endpoint, isActive, consecutiveFailures } = replica;
  const state = log.consumer(nodeId);
  return {
    nodeId,
    endpoint,
    active: isActive,
    consecutiveFailures,
    /** Entries of this node's log that it has not confirmed. */
    lag: state?.lagEntries ?? 0,
    lagBytes: state?.lagBytes ?? 0,
    lagSeconds: (state?.lagMs ?? 0) / 1000,
    position: state?.position,
    truncated: state?.isTruncated ?? false,
    /** How far this node is in its log. */
    received: positions.get(nodeId),
    resynchronising: resynchroniser.isRunning(nodeId),
  };
}
