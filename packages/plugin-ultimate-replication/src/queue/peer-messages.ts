import { type LogPosition, NODE_ID_PATTERN, type WriteAheadLog } from '@datawarehouse/sdk';
import { z } from 'zod';
import { objectNameSchema, payloadSchema } from '../objects/object-record.js';

/** Names of the services that nodes offer one another. */
export const services = Object.freeze({
  apply: 'replication.apply',
  ping: 'replication.ping',
  chunks: 'replication.chunks',
  chunkList: 'replication.chunk-list',
  current: 'replication.current',
  snapshot: 'replication.snapshot',
  forget: 'replication.forget',
});

/** Most chunks of one request: 4 MiB. */
export const MAX_CHUNKS_PER_CALL = 64;

/** Most digests of one page of a chunk list: the list of 4 GiB. */
export const MAX_DIGESTS_PER_CALL = 65_536;

const sequence = z.int().min(0);
const chunkDigest = z.string().regex(/^[0-9a-f]{64}$/);

/** What a node's log holds. */
export interface LogState {
  readonly epoch: string;
  /** First sequence from which it can be read without a gap. */
  readonly tail: number;
  /** Last sequence. */
  readonly head: number;
}

/** Reads the state of a log. */
export function logStateOf(log: WriteAheadLog): LogState {
  return { epoch: log.epoch, tail: log.tailSequence, head: log.headSequence };
}

/** The state of a log in messages. */
export const logSchema = z
  .object({ epoch: z.string().min(1).max(64), tail: sequence, head: sequence })
  .refine(({ tail, head }) => tail <= head + 1, 'its log ends before it begins');

/** A place in a log. */
export const positionSchema = z.object({ epoch: z.string().min(1).max(64), sequence });

/** Head of a batch of events; the events come first among the attachments, then the chunks. */
export const applySchema = z
  .object({
    v: z.literal(1),
    origin: z.string().regex(NODE_ID_PATTERN),
    log: logSchema,
    /** Sequence of the first event. */
    from: z.int().min(1),
    eventCount: z.int().min(0).max(1_000),
    /** Whether the batch before it is not answered yet, so that this one may have overtaken it. */
    isPipelined: z.boolean().optional(),
    /** Digests of the chunks that come along, so that small contents need no further call. */
    chunks: z.array(chunkDigest).max(1_000),
  })
  .refine(
    ({ from, eventCount, log }) => from + eventCount - 1 <= log.head,
    'it has events behind the end of its log',
  );

/** Head of a batch of events. */
export type ApplyHeader = z.output<typeof applySchema>;

/** Answer to a batch of events. */
export const applyAnswerSchema = z.object({
  /**
   * `applied`: all is stored up to `position`. `expects`: nothing was done, since the batch does
   * not begin behind `position`. `resynchronising`: ask again later.
   */
  status: z.enum(['applied', 'expects', 'resynchronising']),
  position: positionSchema.optional(),
  refused: z
    .array(z.object({ sequence, code: z.string().max(100) }))
    .max(1_000)
    .default([]),
});

/** Answer to a batch of events. */
export interface ApplyAnswer {
  readonly status: 'applied' | 'expects' | 'resynchronising';
  readonly position?: LogPosition | undefined;
  readonly refused: readonly { readonly sequence: number; readonly code: string }[];
}

/** Both halves of a ping: what the sender's log holds, and how far it is in the other's log. */
export const pingSchema = z.object({
  v: z.literal(1),
  log: logSchema,
  position: positionSchema.optional(),
});

/** Half of a ping. */
export interface Ping {
  readonly log: LogState;
  readonly position?: LogPosition | undefined;
}

export const chunksSchema = z.object({
  digests: z.array(chunkDigest).max(MAX_CHUNKS_PER_CALL),
});

export const chunkListSchema = z.object({ payload: payloadSchema, offset: sequence });

export const currentSchema = z.object({ namespace: objectNameSchema, key: objectNameSchema });

/** How messages say which objects an exchange is about. */
export const scopeFields = {
  /** Glob over namespaces. */
  dataSetFilter: z.string().max(512).optional(),
  /** Only versions written since, in milliseconds since the epoch. */
  sinceMs: z.number().optional(),
};

/** Which objects an exchange is about. */
export interface ExchangeScope {
  readonly dataSetFilter?: string | undefined;
  readonly sinceMs?: number | undefined;
}

export const snapshotSchema = z.object({ after: z.string().max(16_384).optional() });

export const snapshotAnswerSchema = z.object({
  log: logSchema,
  /** Where the next page begins; absent at the end. */
  next: z.string().optional(),
});

/** What fetching another node's objects has done. */
export interface PullCounts {
  /** Objects that have a new version. */
  readonly changedCount: number;
  readonly conflictCount: number;
  /** Versions that cannot be taken over. */
  readonly refusedCount: number;
}

export const forgetSchema = z.object({ nodeId: z.string().regex(NODE_ID_PATTERN) });

/** A head without content. */
export const emptySchema = z.object({});
