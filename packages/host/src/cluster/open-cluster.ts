import type {
  Clock,
  HttpRoute,
  IClusterMembership,
  IMessageBus,
  INodeIdentity,
  IPeerTransport,
  IPersistentBackingStore,
  Logger,
} from '@datawarehouse/sdk';

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

/** Opens the membership and the peer transport of a node. */
export declare function openCluster(options: ClusterOptions): Promise<Cluster>;
