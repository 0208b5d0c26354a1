import {
  type BackingStoreOperation,
  type IPersistentBackingStore,
  KeyedMutex,
  storePathSegments,
} from '@datawarehouse/sdk';
import { decodeRecord, encodeRecord } from '../collections/record-codec.js';
import { readyPathOf, workPaths, workPrefixes } from './job-paths.js';
import type { JobScheduler } from './job-scheduler.js';
import type { JobWrite, JobWriter } from './job-writer.js';
import {
  type EngineJobState,
  isEnded,
  lineOf,
  type StoredJob,
  slotOf,
  storedJobSchema,
} from './stored-job.js';

/** Largest job that waits in memory for its turn; larger ones are read again. */
const maxKeptBytes = 4_096;
const nothing = new Uint8Array(0);

/** What is told of moves that are stored. */
export interface MoveListeners {
  readonly onMoved: (job: StoredJob, from: EngineJobState | undefined) => void;
  /** Told when a delayed job may have to be awoken. */
  readonly onDelayed: (job: StoredJob) => void;
}

/**
 * The moves of jobs, each one batch: the job, its entry in the index of its state, its place among
 * the jobs of its key, and whatever else belongs to the move.
 *
 * Of a key's open jobs only the first may run, so only that one has an entry among the ready ones.
 */
export class JobMoves {
  readonly #store: IPersistentBackingStore;
  readonly #writer: JobWriter;
  readonly #scheduler: JobScheduler;
  readonly #listeners: MoveListeners;
  readonly #locks = new KeyedMutex();

  constructor(
    store: IPersistentBackingStore,
    writer: JobWriter,
    scheduler: JobScheduler,
    listeners: MoveListeners,
  ) {
    this.#store = store;
    this.#writer = writer;
    this.#scheduler = scheduler;
    this.#listeners = listeners;
  }

  /** Runs `work` while no other move of jobs of the same key, or of the same job, happens. */
  locked<T>(job: Pick<StoredJob, 'jobId' | 'key'>, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(lineOf(job), work);
  }

  /** As {@link locked}, but only where other jobs have the same key. */
  inLine<T>(job: Pick<StoredJob, 'jobId' | 'key'>, work: () => Promise<T>): Promise<T> {
    return job.key === undefined ? work() : this.locked(job, work);
  }

  async read(jobId: string): Promise<StoredJob | undefined> {
    const path = workPaths.job(jobId);
    const data = await this.#store.read(path);
    return data && decodeRecord(storedJobSchema, path, data);
  }

  /** Whether a job has an entry among those that may run. Called under its lock. */
  async isReady(job: StoredJob): Promise<boolean> {
    if (job.state !== 'waiting') return false;
    return job.key === undefined || (await this.#head(job.key)) === job.jobId;
  }

  /** Adds a job, behind those of its key. Called under its lock where it has a key. */
  async add(job: StoredJob, operations: readonly BackingStoreOperation[]): Promise<void> {
    const isBlocked = job.key !== undefined && (await this.#head(job.key)) !== undefined;
    await this.#write(job, [...lineEntry(job), ...entries(job, isBlocked), ...operations], {
      from: undefined,
      isReady: job.state === 'waiting' && !isBlocked,
    });
  }

  /**
   * Counts an attempt that begins.
   *
   * @param changed - The job, where it is not as it is stored.
   */
  async begin(job: StoredJob, changed?: StoredJob): Promise<void> {
    const { jobId, starts } = job;
    const startedAt = job.attempts.at(-1)?.startedAt ?? 0;
    await this.#writer.write({
      operations:
        changed === undefined
          ? []
          : [{ type: 'write', path: workPaths.job(jobId), data: encodeRecord(changed) }],
      begins: { jobId, slot: slotOf(job), starts, startedAt },
    });
  }

  /** Lets an attempt that was begun not count; the job is stored as it was before. */
  async giveBack(job: StoredJob): Promise<void> {
    await this.disown({ jobId: job.jobId, slot: slotOf(job) });
  }

  /** Notes that a job does not run. */
  async disown(leaves: { readonly jobId: string; readonly slot: number }): Promise<void> {
    await this.#writer.write({ operations: [], leaves });
  }

  /**
   * Moves a job from one state to another. Called under its lock.
   *
   * @param operations - What is written with it, all or nothing.
   */
  async move(
    from: StoredJob,
    to: StoredJob,
    operations: readonly BackingStoreOperation[] = [],
  ): Promise<StoredJob> {
    if (from.key === undefined && from.state !== 'dead') {
      return await this.#write(to, [...exits(from, false), ...entries(to, false), ...operations], {
        from: from.state,
        isReady: to.state === 'waiting',
      });
    }
    const isBlocked = await this.#isBlocked(from);
    const isOver = isEnded(to.state) && !isEnded(from.state);
    const next = isOver && !isBlocked ? await this.#successor(from) : [];
    const batch = [
      ...(isEnded(from.state) ? lineEntry(to) : exits(from, isBlocked)),
      ...(from.state === 'dead' ? exits(from, false) : []),
      ...entries(to, isBlocked),
      ...next.flatMap((job) => entries(job, false)),
      ...(isOver ? lineExit(from) : []),
      ...operations,
    ];
    const isReady = to.state === 'waiting' && !isBlocked;
    return await this.#write(to, batch, { from: from.state, isReady, next });
  }

  async #write(
    job: StoredJob,
    batch: BackingStoreOperation[],
    options: {
      readonly from: EngineJobState | undefined;
      readonly isReady: boolean;
      readonly next?: readonly StoredJob[];
    },
  ): Promise<StoredJob> {
    const { from, isReady, next = [] } = options;
    const data = encodeRecord(job);
    batch.push({ type: 'write', path: workPaths.job(job.jobId), data });
    if (isReady) this.#scheduler.arriving(job);
    for (const other of next) if (other.state === 'waiting') this.#scheduler.arriving(other);
    try {
      await this.#writer.write(writeOf(job, from, batch));
    } catch (error) {
      if (isReady) this.#scheduler.lost(job);
      for (const other of next) if (other.state === 'waiting') this.#scheduler.lost(other);
      throw error;
    }
    this.#listeners.onMoved(job, from);
    if (job.state === 'delayed') this.#listeners.onDelayed(job);
    if (isReady) this.#scheduler.arrived(job, data.byteLength <= maxKeptBytes);
    for (const other of next) {
      if (other.state === 'delayed') this.#listeners.onDelayed(other);
      if (other.state === 'waiting') this.#scheduler.arrived(other, false);
    }
    return job;
  }

  /** Whether jobs of the same key go before one. A running job is the first of its key. */
  async #isBlocked(from: StoredJob): Promise<boolean> {
    if (from.key === undefined || from.state === 'running') return false;
    const head = await this.#head(from.key);
    return head !== undefined && head !== from.jobId;
  }

  /** The open job of a key that goes first. */
  async #head(key: string): Promise<string | undefined> {
    for await (const path of this.#store.list(workPrefixes.line(key), { limit: 1 })) {
      return storePathSegments(path).at(-1);
    }
    return undefined;
  }

  /** The job that goes first in a line after its first one. */
  async #successor({ key, jobId, sequence }: StoredJob): Promise<readonly StoredJob[]> {
    if (key === undefined) return [];
    const after = workPaths.line(key, sequence, jobId);
    for await (const path of this.#store.list(workPrefixes.line(key), { limit: 1, after })) {
      const job = await this.read(storePathSegments(path).at(-1) ?? '');
      return job === undefined ? [] : [job];
    }
    return [];
  }
}

function writeOf(
  job: StoredJob,
  from: EngineJobState | undefined,
  operations: readonly BackingStoreOperation[],
): JobWrite {
  if (from === undefined) return { operations };
  const leaves = { jobId: job.jobId, slot: slotOf(job) };
  const isDone = job.state === 'completed' || job.state === 'cancelled';
  return isDone ? { operations, leaves, ended: job.jobId } : { operations, leaves };
}

/** Entries of a job in the index of its state. */
function entries(job: StoredJob, isBlocked: boolean): readonly BackingStoreOperation[] {
  const path = entryPath(job, isBlocked);
  return path === undefined ? [] : [{ type: 'write', path, data: nothing }];
}

function exits(job: StoredJob, isBlocked: boolean): readonly BackingStoreOperation[] {
  const path = entryPath(job, isBlocked);
  return path === undefined ? [] : [{ type: 'delete', path }];
}

function entryPath(job: StoredJob, isBlocked: boolean): string | undefined {
  if (isBlocked && job.state !== 'dead') return undefined;
  switch (job.state) {
    // A running job keeps its entry until its end.
    case 'waiting':
    case 'running':
      return readyPathOf(job);
    case 'delayed':
      return workPaths.delayed(job);
    case 'paused':
      return workPaths.paused(job.jobId);
    case 'dead':
      return workPaths.dead(job);
    // The writer notes these, many at a time.
    case 'completed':
    case 'cancelled':
      return undefined;
  }
}

function lineEntry({ key, sequence, jobId }: StoredJob): readonly BackingStoreOperation[] {
  if (key === undefined) return [];
  return [{ type: 'write', path: workPaths.line(key, sequence, jobId), data: nothing }];
}

function lineExit({ key, sequence, jobId }: StoredJob): readonly BackingStoreOperation[] {
  if (key === undefined) return [];
  return [{ type: 'delete', path: workPaths.line(key, sequence, jobId) }];
}
