import type { ReplicationStrategy } from './replication-strategy.js';

/** Returns when the write is durable here; replicas follow. */
export const asynchronous: ReplicationStrategy = Object.freeze({
  name: 'asynchronous',
  summary: 'Returns when the write is durable on this node; replicas follow.',
  admission: 'anyNode',
  confirmations: 'none',
  resolver: 'latestWins',
});
