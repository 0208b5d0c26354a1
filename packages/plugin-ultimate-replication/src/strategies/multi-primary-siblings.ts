import type { ReplicationStrategy } from './replication-strategy.js';

/** Every node is a primary; concurrent writes are kept for the application to decide. */
export const multiPrimarySiblings: ReplicationStrategy = Object.freeze({
  name: 'multi-primary-siblings',
  summary: 'Any node writes; concurrent writes are kept side by side for the application to merge.',
  admission: 'anyNode',
  confirmations: 'none',
  resolver: 'siblings',
});
