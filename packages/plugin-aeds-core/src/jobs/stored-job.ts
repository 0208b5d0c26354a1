import { z } from 'zod';
import { timestampSchema } from '../identity/identifiers.js';
import { fnv1a } from './fnv1a.js';
import { without } from './without.js';

/** Slots that jobs are spread over by their key; never changes, so that partitions may. */
export const SLOT_COUNT = 1024;

/** Highest priority score. */
export const MAX_SCORE = 150;

/** Attempts whose story is kept with a job, the latest. */
const maxKeptAttempts = 20;
const maxMessageLength = 2_000;
const maxStackLength = 4_000;

/** States of a job of the engine. The last three are final. */
export const engineJobStates = [
  'waiting',
  'delayed',
  'paused',
  'running',
  'completed',
  'dead',
  'cancelled',
] as const;
export type EngineJobState = (typeof engineJobStates)[number];

const errorSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  stack: z.string().exactOptional(),
});

const attemptSchema = z.strictObject({
  number: z.int().min(1),
  startedAt: timestampSchema,
  endedAt: timestampSchema.exactOptional(),
  error: errorSchema.exactOptional(),
});

/** A job of the engine: data, and the name of the handler that knows what to do with it. */
export const storedJobSchema = z.strictObject({
  jobId: z.string().min(1).max(200),
  handler: z.string().min(1).max(100),
  data: z.unknown().exactOptional(),
  /** Jobs of one key run one after another, in order. */
  key: z.string().min(1).max(500).exactOptional(),
  /** 0 to 150; higher goes first. */
  score: z.int().min(0).max(MAX_SCORE),
  /** Place among jobs of one score and of one key. */
  sequence: z.int().min(0),
  state: z.enum(engineJobStates),
  queuedAt: timestampSchema,
  /** When a delayed job may run. */
  notBefore: timestampSchema.exactOptional(),
  maxAttempts: z.int().min(1).max(1000),
  timeLimitMs: z.int().min(1).exactOptional(),
  /** Attempts that were begun and not given back. */
  starts: z.int().min(0),
  attempts: z.array(attemptSchema),
  endedAt: timestampSchema.exactOptional(),
  result: z.unknown().exactOptional(),
});

export type StoredJob = Readonly<z.output<typeof storedJobSchema>>;

/** One run of a handler for a job, and how it ended. */
export type JobAttempt = StoredJob['attempts'][number];

/** Why an attempt failed. */
export type JobError = NonNullable<JobAttempt['error']>;

/** What orders a job among others: jobs that share it, run one at a time. */
export function lineOf(job: Pick<StoredJob, 'jobId' | 'key'>): string {
  return job.key ?? job.jobId;
}

export function slotOf(job: Pick<StoredJob, 'jobId' | 'key'>): number {
  return fnv1a(lineOf(job)) % SLOT_COUNT;
}

/** Reports whether nothing more happens to a job by itself. */
export function isEnded(state: EngineJobState): boolean {
  return state === 'completed' || state === 'dead' || state === 'cancelled';
}

/** A job as its next attempt begins. */
export function withStart(job: StoredJob, startedAt: number): StoredJob {
  const rest = job.notBefore === undefined ? job : without(job, 'notBefore');
  const number = job.starts + 1;
  const attempt = { number, startedAt };
  const attempts =
    job.attempts.length === 0 ? [attempt] : [...job.attempts, attempt].slice(-maxKeptAttempts);
  return { ...rest, state: 'running', starts: number, attempts };
}

/** A job as its running attempt ends. */
export function withEnd(job: StoredJob, endedAt: number, error?: JobError): StoredJob {
  const last = job.attempts.at(-1);
  if (last === undefined || last.endedAt !== undefined) return job;
  const { number, startedAt } = last;
  const ended = error === undefined ? { number, startedAt, endedAt } : { ...last, endedAt, error };
  const attempts = job.attempts.length === 1 ? [ended] : [...job.attempts.slice(0, -1), ended];
  return { ...job, attempts };
}

/** A job whose running attempt does not count. */
export function withoutStart(job: StoredJob): StoredJob {
  return { ...job, state: 'waiting', starts: job.starts - 1, attempts: job.attempts.slice(0, -1) };
}

/** A job whose attempt ended with the process that ran it. */
export function withInterruption(
  job: StoredJob,
  { starts, startedAt }: { readonly starts: number; readonly startedAt: number },
  endedAt: number,
  error: JobError,
): StoredJob {
  const attempt = { number: starts, startedAt, endedAt, error };
  return { ...job, starts, attempts: [...job.attempts, attempt].slice(-maxKeptAttempts) };
}

/** What is kept of an error. */
export function jobErrorOf(error: unknown, code: string): JobError {
  if (!(error instanceof Error)) return { code, message: String(error).slice(0, maxMessageLength) };
  return {
    code,
    message: error.message.slice(0, maxMessageLength),
    ...(error.stack !== undefined && { stack: error.stack.slice(0, maxStackLength) }),
  };
}
