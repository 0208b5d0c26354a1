import type { ReplicationStrategy } from './replication-strategy.js';

/** Keeps the write on this node. */
export const localOnly: ReplicationStrategy = Object.freeze({
  name: 'local-only',
  summary: 'Keeps the write on this node; it never leaves it.',
  admission: 'thisNodeOnly',
  confirmations: 'none',
  resolver: 'latestWins',
});
