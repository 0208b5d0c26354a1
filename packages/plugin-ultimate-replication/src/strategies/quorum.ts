import type { ReplicationStrategy } from './replication-strategy.js';

/** Returns when a majority of the cluster has the write. */
export const quorum: ReplicationStrategy = Object.freeze({
  name: 'quorum',
  summary: 'Returns when the write is durable on a majority of the nodes, this one among them.',
  admission: 'anyNode',
  confirmations: 'majority',
  resolver: 'latestWins',
});
