import type { ReplicationStrategy } from './replication-strategy.js';

/** Every node is a primary; the latest write wins. */
export const multiPrimary: ReplicationStrategy = Object.freeze({
  name: 'multi-primary',
  summary: 'Any node writes; of concurrent writes the latest wins, the others can be restored.',
  admission: 'anyNode',
  confirmations: 'none',
  resolver: 'latestWins',
});
