import { NODE_ID_PATTERN, type Topic, topic } from '@datawarehouse/sdk';
import { z } from 'zod';

/** A replica turned active or inactive. */
export interface ReplicaChange {
  readonly nodeId: string;
  readonly active: boolean;
  readonly consecutiveFailures: number;
  /** Why it is inactive, for people. */
  readonly reason?: string | undefined;
}

const nodeId = z.string().regex(NODE_ID_PATTERN);

/** Published at each change of a replica between active and inactive. */
export const replicaChangedTopic: Topic<ReplicaChange> = topic(
  'dw.replication.replica.changed',
  z.object({
    nodeId,
    active: z.boolean(),
    consecutiveFailures: z.int().min(0),
    reason: z.string().optional(),
  }),
);

/** A replica has fallen behind what the log still holds, and resynchronises. */
export interface ReplicaTruncation {
  readonly nodeId: string;
  /** First sequence that is still held. */
  readonly firstSequence: number;
}

/** Published when a replica loses entries that it had not confirmed. */
export const replicaTruncatedTopic: Topic<ReplicaTruncation> = topic(
  'dw.replication.replica.truncated',
  z.object({ nodeId, firstSequence: z.int().min(1) }),
);
