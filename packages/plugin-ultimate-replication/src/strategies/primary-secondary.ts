import type { ReplicationStrategy } from './replication-strategy.js';

/** One node writes; the others hand it their writes. */
export const primarySecondary: ReplicationStrategy = Object.freeze({
  name: 'primary-secondary',
  summary: 'The primary alone writes; other nodes hand it their writes, and get its answer.',
  admission: 'primary',
  confirmations: 'none',
  resolver: 'latestWins',
});
