import { type ErrorTable, errorBuilder } from '@datawarehouse/sdk';

/** Every code of a node's identity and of its membership, beside the SDK's `peerErrors`. */
export const clusterErrors = {
  DW_CLUSTER_IDENTITY_UNREADABLE: {
    message: 'The identity of this node cannot be read or written',
    hint: 'Give this user the right to read and write identity.json in the data directory.',
    category: 'denied',
  },
  DW_CLUSTER_IDENTITY_CORRUPT: {
    message: 'The identity of this node is damaged',
    hint: 'Restore identity.json from a backup; only if there is none, remove it, and remove and join the node again everywhere.',
    category: 'corrupt',
  },
  DW_CLUSTER_IDENTITY_CONFLICT: {
    message: 'The configured node id is not the one that this node was created with',
    hint: 'Configure the id that the data directory was created with, or choose another data directory.',
    category: 'conflict',
  },
  DW_CLUSTER_NO_SECRET: {
    message: 'The node has no cluster secret, and stands alone',
    hint: 'Set the same cluster.secret on all nodes, and start them again.',
    category: 'denied',
  },
  DW_CLUSTER_BAD_ENDPOINT: {
    message: 'The address of the node is malformed',
    hint: 'Use http:// or https:// with a host and a port, and nothing behind them.',
    category: 'invalid',
  },
  DW_CLUSTER_SELF: {
    message: 'The address is that of this node itself',
    hint: 'Give the address of another node.',
    category: 'invalid',
  },
  DW_CLUSTER_REMOVED: {
    message: 'The node was removed from the cluster',
    hint: 'Join it again if that was a mistake.',
    category: 'denied',
  },
  DW_CLUSTER_FULL: {
    message: 'The cluster has reached its greatest number of members',
    hint: 'Remove nodes that are no longer used.',
    category: 'exhausted',
  },
  DW_CLUSTER_BUSY: {
    message: 'Too many messages between nodes are under way',
    hint: 'Send the message again a little later.',
    category: 'exhausted',
    retryable: true,
  },
  DW_CLUSTER_INTERNAL: {
    message: 'The node failed to handle the request',
    hint: 'Look into the log of the node that was called.',
    category: 'internal',
  },
  DW_CLUSTER_CLOSED: {
    message: 'The connections to other nodes are closed',
    hint: 'Finish the work that calls other nodes before stopping the host.',
    category: 'unavailable',
  },
} as const satisfies ErrorTable;

/** A key of {@link clusterErrors}. */
export type ClusterErrorCode = keyof typeof clusterErrors;

/** Builds an error of the cluster. */
export const clusterError = errorBuilder<ClusterErrorCode>(clusterErrors);
