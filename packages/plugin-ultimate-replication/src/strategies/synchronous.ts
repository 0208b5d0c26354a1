import type { ReplicationStrategy } from './replication-strategy.js';

/** Returns when the write is durable here and on every replica that is active. */
export const synchronous: ReplicationStrategy = Object.freeze({
  name: 'synchronous',
  summary: 'Returns when the write is durable on this node and on every active replica.',
  admission: 'anyNode',
  confirmations: 'allActive',
  resolver: 'latestWins',
});
