/** What replication has done since the node started. Each part counts what it does itself. */
export interface ReplicationCounters {
  /** Events of this node that a replica has confirmed, once for each replica. */
  replicatedEvents: number;
  /** Events and listed records of other nodes that this node has dealt with. */
  appliedEvents: number;
  conflictsDetected: number;
  conflictsResolved: number;
  /** Contents compared to tell whether two versions differ. */
  comparisons: number;
  /** Comparisons that needed no bytes, since root digests decided. */
  shortCircuitedComparisons: number;
  /** Events of other nodes that could not be applied. */
  deadLetters: number;
  /** Messages of other nodes that no sound node sends. */
  refusedMessages: number;
  /** Times that a replica fell behind what the log still held. */
  truncations: number;
  /** Full exchanges with another node that were completed. */
  resynchronisations: number;
  /** Stored records that were found damaged. */
  damagedRecords: number;
}

/** Begins to count. */
export function createReplicationCounters(): ReplicationCounters {
  return {
    replicatedEvents: 0,
    appliedEvents: 0,
    conflictsDetected: 0,
    conflictsResolved: 0,
    comparisons: 0,
    shortCircuitedComparisons: 0,
    deadLetters: 0,
    refusedMessages: 0,
    truncations: 0,
    resynchronisations: 0,
    damagedRecords: 0,
  };
}
