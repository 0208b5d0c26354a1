import { z } from 'zod';
import { channelIdSchema, timedIdSchema, timestampSchema } from '../identity/identifiers.js';

/** States of a job. The last four are final. */
export const jobStatuses = [
  'queued',
  'inProgress',
  'completed',
  'partiallyCompleted',
  'failed',
  'cancelled',
] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** A job: data, and the name of the handler that knows what to do with it. */
export const jobRecordSchema = z.strictObject({
  jobId: timedIdSchema,
  handler: z.string().min(1).max(100),
  manifestId: timedIdSchema,
  /** Channels that it was published to. */
  channelIds: z.array(channelIdSchema).max(1000).exactOptional(),
  status: z.enum(jobStatuses),
  /** 0 to 150; higher goes first. */
  priorityScore: z.int().min(0).max(150),
  /** 0 until the targets are resolved. */
  totalTargets: z.int().min(0),
  /** Milliseconds since the epoch, as every time here. */
  queuedAt: timestampSchema,
  /** When the whole ledger had been written. */
  dispatchedAt: timestampSchema.exactOptional(),
  completedAt: timestampSchema.exactOptional(),
  expiresAt: timestampSchema.exactOptional(),
  /** Why the job itself failed, apart from its targets. */
  error: z
    .strictObject({ code: z.string(), message: z.string(), at: timestampSchema })
    .exactOptional(),
});

export type JobRecord = Readonly<z.output<typeof jobRecordSchema>>;

/** Reports whether nothing more happens to a job. */
export function isFinal(job: JobRecord): boolean {
  return job.status !== 'queued' && job.status !== 'inProgress';
}
