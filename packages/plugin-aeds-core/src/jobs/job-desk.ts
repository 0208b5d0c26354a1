import {
  type BackingStoreOperation,
  type Clock,
  type IPersistentBackingStore,
  storePathSegments,
} from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import type { JobHandler } from './job-handler.js';
import type { JobMoves } from './job-moves.js';
import { workPaths, workPrefixes } from './job-paths.js';
import type { JobRunner } from './job-runner.js';
import type { JobScheduler } from './job-scheduler.js';
import type { JobSequence } from './job-sequence.js';
import type { RunningJob } from './running-job.js';
import { isEnded, type StoredJob, withEnd, withoutStart } from './stored-job.js';
import { without } from './without.js';

export interface JobDeskOptions {
  readonly store: IPersistentBackingStore;
  readonly moves: JobMoves;
  readonly runner: JobRunner;
  readonly scheduler: JobScheduler;
  readonly sequence: JobSequence;
  readonly handlers: ReadonlyMap<string, JobHandler>;
  readonly clock: Clock;
}

interface Change {
  readonly job: StoredJob;
  readonly operations?: readonly BackingStoreOperation[];
}

/** What is done with jobs from outside: cancelled, paused, resumed, and sent again after their death. */
export class JobDesk {
  readonly #options: JobDeskOptions;

  constructor(options: JobDeskOptions) {
    this.#options = options;
  }

  /**
   * Cancels an open job; one that runs is told by its signal, and what it does counts no more.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`, `DW_AEDS_JOB_FINISHED`.
   */
  cancel(jobId: string, operations: readonly BackingStoreOperation[] = []): Promise<StoredJob> {
    const now = this.#options.clock.now();
    return this.#end(jobId, 'DW_AEDS_JOB_CANCELLED', (job) => ({
      job: { ...withEnd(job, now), state: 'cancelled', endedAt: now },
      operations,
    }));
  }

  /**
   * Keeps an open job from running. The attempt of one that runs is aborted and does not count.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`, `DW_AEDS_JOB_FINISHED`.
   */
  pause(jobId: string): Promise<StoredJob> {
    return this.#end(jobId, 'DW_AEDS_JOB_PAUSED', (job) => {
      const given = job.state === 'running' ? withoutStart(job) : job;
      return { job: { ...without(given, 'notBefore'), state: 'paused' } };
    });
  }

  /**
   * Lets a paused job run; one that is delayed runs now.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`, `DW_AEDS_JOB_FINISHED`.
   */
  resume(jobId: string): Promise<StoredJob> {
    return this.#change(jobId, async (job) => {
      assertOpen(job);
      if (job.state !== 'paused' && job.state !== 'delayed') return job;
      return await this.#options.moves.move(job, waiting(job));
    });
  }

  /** Lets a delayed job run whose time has come. */
  async awake(jobId: string): Promise<void> {
    const { moves, clock } = this.#options;
    await this.#change(jobId, async (job) => {
      if (job.state !== 'delayed' || (job.notBefore ?? 0) > clock.now()) return job;
      return await moves.move(job, waiting(job));
    });
  }

  /**
   * Sends a dead letter again, with as many attempts as at first, behind the open jobs of its key.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`, `DW_AEDS_JOB_NOT_DEAD`.
   */
  retry(jobId: string): Promise<StoredJob> {
    const { moves, sequence, handlers } = this.#options;
    return this.#change(jobId, async (job) => {
      if (job.state !== 'dead') {
        throw aedsError('DW_AEDS_JOB_NOT_DEAD', { details: { jobId, state: job.state } });
      }
      await handlers.get(job.handler)?.onRevive?.(job);
      const again = { ...without(waiting(job), 'endedAt'), starts: 0 };
      return await moves.move(job, { ...again, sequence: await sequence.next() });
    });
  }

  /** Dead letters, those that died first first. */
  async deadLetters(page: {
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly StoredJob[]> {
    const { store, moves } = this.#options;
    const last = page.after === undefined ? undefined : await moves.read(page.after);
    const after = last?.state === 'dead' ? { after: workPaths.dead(last) } : {};
    const jobs: StoredJob[] = [];
    for await (const path of store.list(workPrefixes.dead, { limit: page.limit, ...after })) {
      const job = await moves.read(storePathSegments(path).at(-1) ?? '');
      if (job !== undefined) jobs.push(job);
    }
    return jobs;
  }

  /** Removes a dead letter that has been kept long enough. */
  async forget(jobId: string): Promise<void> {
    const { store, moves } = this.#options;
    const found = await moves.read(jobId);
    if (found === undefined) return;
    await moves.locked(found, async () => {
      const job = await moves.read(jobId);
      if (job?.state !== 'dead') return;
      await store.batch(
        [
          { type: 'delete', path: workPaths.dead(job) },
          { type: 'delete', path: workPaths.job(jobId) },
        ],
        { durability: 'os' },
      );
    });
  }

  #end(
    jobId: string,
    code: 'DW_AEDS_JOB_CANCELLED' | 'DW_AEDS_JOB_PAUSED',
    change: (job: StoredJob) => Change,
  ): Promise<StoredJob> {
    const { moves, runner, scheduler } = this.#options;
    return this.#change(jobId, async (stored) => {
      const isQueued = await moves.isReady(stored);
      const running = runner.get(jobId);
      if (running !== undefined) return await this.#endRunning(running, code, change);
      assertOpen(stored);
      const { job, operations = [] } = change(stored);
      if (stored.state === job.state) return stored;
      if (isQueued) scheduler.withdraw(stored);
      try {
        return await moves.move(stored, job, operations);
      } catch (error) {
        if (isQueued) scheduler.restore(stored);
        throw error;
      }
    });
  }

  async #endRunning(
    running: RunningJob,
    code: 'DW_AEDS_JOB_CANCELLED' | 'DW_AEDS_JOB_PAUSED',
    change: (job: StoredJob) => Change,
  ): Promise<StoredJob> {
    const from = running.job;
    if (running.isOver) {
      await running.settled();
      throw aedsError('DW_AEDS_JOB_FINISHED', { details: { jobId: from.jobId } });
    }
    const { job, operations = [] } = change(from);
    running.isOver = true;
    const moving = this.#options.moves.move(from, job, operations).catch((error: unknown) => {
      running.isOver = false;
      throw error;
    });
    running.deciding = moving.then(
      () => undefined,
      () => undefined,
    );
    try {
      await moving;
    } finally {
      running.deciding = undefined;
    }
    running.abort(aedsError(code, { details: { jobId: from.jobId } }));
    return job;
  }

  /** Reads a job, again where an attempt ended meanwhile. */
  async #readSettled(jobId: string): Promise<StoredJob | undefined> {
    const { moves, runner } = this.#options;
    for (;;) {
      using watch = runner.watch(jobId);
      const job = await moves.read(jobId);
      if (!watch.hasEnded()) return job;
    }
  }

  /** Changes a job while nothing else does. */
  async #change(jobId: string, work: (job: StoredJob) => Promise<StoredJob>): Promise<StoredJob> {
    const { moves, runner } = this.#options;
    const found = await moves.read(jobId);
    if (found === undefined) throw aedsError('DW_AEDS_JOB_UNKNOWN', { details: { jobId } });
    // One that is just ending: what came of it is stored in a moment.
    const ending = runner.get(jobId);
    if (ending?.isOver === true) await ending.settled();
    return await moves.locked(found, async () => {
      const job = await this.#readSettled(jobId);
      if (job === undefined) throw aedsError('DW_AEDS_JOB_UNKNOWN', { details: { jobId } });
      return await work(job);
    });
  }
}

function waiting(job: StoredJob): StoredJob {
  return { ...without(job, 'notBefore'), state: 'waiting' };
}

function assertOpen({ jobId, state }: StoredJob): void {
  if (isEnded(state))
    throw aedsError('DW_AEDS_JOB_FINISHED', { details: { jobId, status: state } });
}
