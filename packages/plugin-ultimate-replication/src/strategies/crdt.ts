import type { ReplicationStrategy } from './replication-strategy.js';

/** Every node edits JSON documents; concurrent edits are merged. */
export const crdt: ReplicationStrategy = Object.freeze({
  name: 'crdt',
  summary: 'Any node edits JSON documents; concurrent edits are merged member by member.',
  admission: 'anyNode',
  confirmations: 'none',
  resolver: 'crdt',
});
