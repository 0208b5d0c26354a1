import { escapeSegment, sequenceSegment, storePath, storePrefix } from '@datawarehouse/sdk';
import { MAX_SCORE, type StoredJob, slotOf } from './stored-job.js';

/** Where a job stands in the order of those that may run. */
export interface ReadyPosition {
  readonly score: number;
  readonly sequence: number;
}

/** Below zero where the first runs first. */
export function comparePositions(one: ReadyPosition, other: ReadyPosition): number {
  return other.score - one.score || one.sequence - other.sequence;
}

const jobsPrefix = storePrefix('aeds', 'work', 'jobs');
const readyPrefix = storePrefix('aeds', 'work', 'ready');

const area = (...segments: readonly string[]): string => storePath('aeds', 'work', ...segments);

export const workPaths = {
  /** The job itself. */
  job: (jobId: string): string => jobsPrefix + escapeSegment(jobId),
  /** Entry of a job that may run, in the order of its slot. */
  ready: (slot: number, { score, sequence }: ReadyPosition, jobId: string): string =>
    `${readyPrefix}${slotSegment(slot)}/${scoreSegment(score)}/${sequenceSegment(sequence)}/${escapeSegment(jobId)}`,
  /** Some of what this node runs. */
  owned: (shard: number): string => area('owned', String(shard)),
  delayed: (job: StoredJob): string =>
    area('delayed', sequenceSegment(job.notBefore ?? 0), job.jobId),
  paused: (jobId: string): string => area('paused', jobId),
  /** Jobs that ended at a time; sequence and first job tell several apart. */
  ended: (at: number, sequence: number, jobId: string): string =>
    area('ended', sequenceSegment(at), sequenceSegment(sequence), jobId),
  dead: (job: StoredJob): string => area('dead', sequenceSegment(job.endedAt ?? 0), job.jobId),
  /** Entry among the open jobs of one key. */
  line: (key: string, sequence: number, jobId: string): string =>
    area('lines', key, sequenceSegment(sequence), jobId),
  idempotency: (key: string): string => area('idempotency', key),
  idempotencyAge: (at: number, key: string): string =>
    area('idempotency-ages', sequenceSegment(at), key),
  /** Sequences below it may have been given out. */
  sequence: area('sequence'),
  /** Present while no job may start. */
  held: area('held'),
} as const;

export const workPrefixes = {
  ready: readyPrefix,
  readyOf: (slot: number): string => storePrefix('aeds', 'work', 'ready', slotSegment(slot)),
  owned: storePrefix('aeds', 'work', 'owned'),
  delayed: storePrefix('aeds', 'work', 'delayed'),
  paused: storePrefix('aeds', 'work', 'paused'),
  ended: storePrefix('aeds', 'work', 'ended'),
  dead: storePrefix('aeds', 'work', 'dead'),
  lines: storePrefix('aeds', 'work', 'lines'),
  line: (key: string): string => storePrefix('aeds', 'work', 'lines', key),
  idempotencyAges: storePrefix('aeds', 'work', 'idempotency-ages'),
} as const;

export function readyPathOf(job: StoredJob): string {
  return workPaths.ready(slotOf(job), job, job.jobId);
}

/** Reads position and slot back from a path of the index. */
export function readyPositionOf(
  segments: readonly string[],
): ReadyPosition & { readonly slot: number; readonly jobId: string } {
  const [, , , slot, score, sequence, jobId = ''] = segments;
  return {
    slot: Number(slot),
    score: MAX_SCORE - Number(score),
    sequence: Number(sequence),
    jobId,
  };
}

function slotSegment(slot: number): string {
  return String(slot).padStart(4, '0');
}

/** Higher scores sort first. */
function scoreSegment(score: number): string {
  return String(MAX_SCORE - score).padStart(3, '0');
}
