import {
  type Clock,
  DwError,
  type HttpRoute,
  type IClusterMembership,
  type IMessageBus,
  type INodeIdentity,
  type IPeerTransport,
  type IPersistentBackingStore,
  type Logger,
  systemClock,
} from '@datawarehouse/sdk';
import { ClusterMembership } from './cluster-membership.js';
import { normalizeEndpoint } from './endpoint.js';
import { Freshness } from './freshness.js';
import { Greeter } from './greeter.js';
import { HttpPeerTransport } from './http-peer-transport.js';
import { MemberStore } from './member-store.js';
import { MemberTable } from './member-table.js';
import { MembershipPublisher } from './membership-publisher.js';
import { PeerHttpClient } from './peer-http-client.js';

/** What {@link openCluster} needs. */
export interface ClusterOptions {
  readonly identity: INodeIdentity;
  /** Keeps the members and their keys. */
  readonly store: IPersistentBackingStore;
  /** Gets `membershipChangedTopic`. */
  readonly bus: IMessageBus;
  /** Shared by all nodes of the cluster; without it the node stands alone. */
  readonly secret?: string | undefined;
  /** Addresses of nodes to meet. */
  readonly peers?: readonly string[];
  /** Address that other nodes are told to call; asked only after `start`. */
  readonly endpoint: () => string;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** This node's side of the cluster. */
export interface Cluster extends AsyncDisposable {
  readonly membership: IClusterMembership;
  readonly transport: IPeerTransport;
  /** Routes below `/peer/v1/` that the HTTP server must serve. */
  readonly httpRoutes: readonly HttpRoute[];
  /** Begins to meet the other nodes, and publishes the members known so far. Call it when listening. */
  start(): void;
  /**
   * Stops meeting and calling other nodes.
   *
   * @param options.announceLeave - Whether to say goodbye to the members first. Default: `false`.
   */
  close(options?: { readonly announceLeave?: boolean }): Promise<void>;
}

const leaveService = 'cluster.leave';
const leaveTimeoutMs = 1_000;

/**
 * Opens the membership and the peer transport of a node.
 *
 * @throws DwError `DW_CLUSTER_BAD_ENDPOINT`, `DW_STORE_CORRUPT`, or another of the store's.
 */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { identity, logger, secret, clock = systemClock } = options;
  const peers = (options.peers ?? []).map(normalizeEndpoint);
  const publisher = new MembershipPublisher(options.bus, logger);
  const table = await MemberTable.open({
    store: new MemberStore(options.store),
    isAlone: secret === undefined,
    now: () => clock.now(),
    onChange: (change) => {
      logger.info({ ...change }, `node ${change.nodeId} ${change.action}`);
      publisher.push(change);
    },
  });
  const freshness = new Freshness(() => clock.now());
  const client = new PeerHttpClient({ clock });
  const { endpoint } = options;
  const greeter = new Greeter({ identity, client, freshness, clock, secret, endpoint });
  const membership = new ClusterMembership({ table, greeter, publisher, logger, clock, peers });
  const transport = new HttpPeerTransport({
    identity,
    client,
    freshness,
    clock,
    logger,
    member: (nodeId) => table.get(nodeId),
    onStranger: (nodeId) => membership.meetAgain(nodeId),
  });
  transport.handle(leaveService, async ({ from }) => {
    await table.leave(from);
    return new Uint8Array();
  });
  let closing: Promise<void> | undefined;
  const close = async (announceLeave: boolean): Promise<void> => {
    await membership.close();
    if (announceLeave) await sayGoodbye(membership, transport, logger);
    publisher.close();
    transport.close();
    await client.close();
  };
  return {
    membership,
    transport,
    httpRoutes: [membership.helloRoute, transport.route],
    start: () => membership.start(),
    close: ({ announceLeave = false } = {}) => (closing ??= close(announceLeave)),
    [Symbol.asyncDispose]: () => (closing ??= close(false)),
  };
}

/** Tells every member that this node stops; whoever cannot be told finds out by itself. */
async function sayGoodbye(
  membership: IClusterMembership,
  transport: IPeerTransport,
  logger: Logger,
): Promise<void> {
  const goodbyes = membership.members().map(async ({ nodeId }) => {
    try {
      await transport.call(nodeId, leaveService, new Uint8Array(), { timeoutMs: leaveTimeoutMs });
    } catch (error) {
      if (!DwError.is(error)) throw error;
      logger.debug({ nodeId, code: error.code }, 'could not say goodbye to a member');
    }
  });
  await Promise.all(goodbyes);
}
