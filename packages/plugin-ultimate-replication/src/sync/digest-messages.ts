import { z } from 'zod';
import { objectNameSchema } from '../objects/object-record.js';
import { logSchema, scopeFields } from '../queue/peer-messages.js';

/** Names of the services by which nodes find and exchange what differs. */
export const digestServices = Object.freeze({
  roots: 'replication.digest-roots',
  children: 'replication.digest-children',
  leaves: 'replication.digest-leaves',
  records: 'replication.records',
  fetch: 'replication.fetch',
  place: 'replication.place',
});

/** Most namespaces of one page of roots. */
export const MAX_ROOTS = 1_000;

/** Most nodes whose children one call asks for. */
export const MAX_PARENTS = 256;

/** Most nodes whose objects one call lists. */
export const MAX_LEAVES = 4_096;

/** Most objects of one page of a listing. */
export const MAX_LEAF_ENTRIES = 2_000;

/** Most objects that one call asks for. */
export const MAX_KEYS = 256;

const count = z.int().min(0);
const prefix = z.string().regex(/^[0-9a-f]{0,4}$/);
const keys = z.array(objectNameSchema).min(1).max(MAX_KEYS);

export const rootsSchema = z.object({ after: objectNameSchema.optional(), ...scopeFields });

/** A page of roots; the one attachment holds a node for each namespace. */
export const rootsAnswerSchema = z.object({
  /** The node's log before the page was made. */
  log: logSchema,
  namespaces: z.array(objectNameSchema).max(MAX_ROOTS),
  /** Namespace behind which the next page begins; absent at the end. */
  next: objectNameSchema.optional(),
  /** Whether the page ends early since digests are being made: ask again in a moment. */
  isPending: z.boolean().default(false),
});

export const childrenSchema = z.object({
  namespace: objectNameSchema,
  prefixes: z.array(prefix).min(1).max(MAX_PARENTS),
});

export const leavesSchema = z.object({
  namespace: objectNameSchema,
  prefixes: z.array(prefix).min(1).max(MAX_LEAVES),
  after: objectNameSchema.optional(),
});

/** A page of objects; the one attachment holds a digest for each key. */
export const leavesAnswerSchema = z.object({
  keys: z.array(objectNameSchema).max(MAX_LEAF_ENTRIES),
  /** Key behind which the next page begins; absent at the end. */
  next: objectNameSchema.optional(),
});

/** Asks for objects, or has the other node ask for them. */
export const recordsSchema = z.object({
  namespace: objectNameSchema,
  keys,
  sinceMs: scopeFields.sinceMs,
});

/** Versions of the first `doneCount` of the keys, as attachments. */
export const recordsAnswerSchema = z.object({ doneCount: z.int().min(1).max(MAX_KEYS) });

/** Asks for the last place in the log that was written before a time. */
export const placeSchema = z.object({ timeMs: z.number() });

/** What the other node has done that was asked to fetch objects. */
export const fetchAnswerSchema = z.object({
  changedCount: count,
  conflictCount: count,
  refusedCount: count,
});
