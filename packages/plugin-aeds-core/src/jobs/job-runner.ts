import {
  type BackingStoreOperation,
  Backoff,
  type BackoffOptions,
  type Clock,
  type ConcurrencyLimit,
  DwError,
  delay,
  type Logger,
} from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import type { JobContext, JobHandler } from './job-handler.js';
import type { JobMoves } from './job-moves.js';
import type { JobScheduler } from './job-scheduler.js';
import type { ReadyJob } from './job-slot.js';
import { RunningJob } from './running-job.js';
import {
  type JobError,
  jobErrorOf,
  type StoredJob,
  withEnd,
  withoutStart,
  withStart,
} from './stored-job.js';

/** Largest result of a job, as JSON. */
export const MAX_RESULT_BYTES = 65_536;
const storeRetry = { firstMs: 50, maxMs: 5_000 };

export interface JobRunnerOptions {
  readonly moves: JobMoves;
  readonly scheduler: JobScheduler;
  readonly handlers: ReadonlyMap<string, JobHandler>;
  readonly concurrency: ConcurrencyLimit;
  readonly timeLimitMs: number;
  readonly retry: Pick<BackoffOptions, 'firstMs' | 'maxMs' | 'random'>;
  /** Aborted when running attempts shall end. */
  readonly aborting: AbortSignal;
  readonly onFailed: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Runs jobs: begins an attempt, calls the handler, and stores how it ended. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #running = new Map<string, RunningJob>();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** The running attempt of a job. */
  get(jobId: string): RunningJob | undefined {
    return this.#running.get(jobId);
  }

  /** Ends all attempts. */
  abortAll(reason: Error): void {
    for (const running of this.#running.values()) running.abort(reason);
  }

  /** Runs a job to the end of one attempt. Never rejects. */
  async run(ready: ReadyJob): Promise<void> {
    const { concurrency, scheduler, aborting, clock, logger } = this.#options;
    let place: Disposable | undefined;
    try {
      place = await concurrency.enter({ signal: aborting });
      const running = await this.#begin(ready);
      if (running === undefined) return;
      try {
        await this.#attempt(running);
      } finally {
        this.#running.delete(running.job.jobId);
      }
    } catch (error) {
      if (aborting.aborted) return;
      logger.error({ error, jobId: ready.jobId }, 'a job could not begin; trying again');
      await delay(storeRetry.firstMs, { clock, signal: aborting }).catch(() => undefined);
      scheduler.putBack(ready);
    } finally {
      place?.[Symbol.dispose]();
    }
  }

  /** Counts the attempt, durably, before it starts. */
  async #begin(ready: ReadyJob): Promise<RunningJob | undefined> {
    const { moves, scheduler, clock, aborting } = this.#options;
    const found = ready.job ?? (await moves.read(ready.jobId));
    return await moves.locked(found ?? ready, async () => {
      if (!scheduler.begin(ready)) return undefined;
      // One that is running, but not here, was interrupted.
      const isOpen = found?.state === 'waiting' || found?.state === 'running';
      if (!isOpen || this.#running.has(ready.jobId)) {
        scheduler.wasGone(ready);
        return undefined;
      }
      const interrupted = this.#interrupted(found);
      if (interrupted.starts >= interrupted.maxAttempts) {
        const error = jobErrorOf(aedsError('DW_AEDS_JOB_INTERRUPTED'), 'DW_AEDS_JOB_INTERRUPTED');
        await this.#bury(interrupted, error);
        return undefined;
      }
      const job = withStart(interrupted, clock.now());
      await moves.move(found, job);
      const running = new RunningJob(job);
      if (aborting.aborted) running.abort(aborting.reason as Error);
      this.#running.set(job.jobId, running);
      return running;
    });
  }

  /** A job whose attempt ended with the process that ran it. */
  #interrupted(job: StoredJob): StoredJob {
    if (job.state !== 'running') return job;
    const { code, message } = aedsError('DW_AEDS_JOB_INTERRUPTED');
    return withEnd(job, this.#options.clock.now(), { code, message });
  }

  async #attempt(running: RunningJob): Promise<void> {
    const { job } = running;
    const { handlers, timeLimitMs, clock, logger } = this.#options;
    const limitMs = job.timeLimitMs ?? timeLimitMs;
    try {
      const handler = handlers.get(job.handler);
      if (handler === undefined) {
        throw aedsError('DW_AEDS_JOB_NO_HANDLER', { details: { handler: job.handler } });
      }
      const result = await running.within(
        async () => await handler.run(job, this.#context(running)),
        {
          ...{ limitMs, clock },
          error: () => aedsError('DW_AEDS_JOB_TIMEOUT', { details: { jobId: job.jobId, limitMs } }),
          onLateFailure: (error) => {
            logger.warn({ error, jobId: job.jobId }, 'a job failed after it was over');
          },
        },
      );
      checkedResult(result);
      await this.#store(running, () => this.#complete(running, result, []));
    } catch (error) {
      if (running.isOver) return;
      await this.#store(running, () => this.#fail(running, error));
    }
  }

  #context(running: RunningJob): JobContext {
    return {
      get signal() {
        return running.signal;
      },
      commit: async (operations, result) => {
        checkedResult(result);
        running.throwIfAborted();
        if (await this.#complete(running, result, operations)) return;
        throw aedsError('DW_AEDS_JOB_OVER', { details: { jobId: running.job.jobId } });
      },
    };
  }

  /** @returns Whether it was completed now; not where its end was decided before. */
  #complete(
    running: RunningJob,
    result: unknown,
    operations: readonly BackingStoreOperation[],
  ): Promise<boolean> {
    const { moves, clock } = this.#options;
    return moves.locked(running.job, async () => {
      if (running.isOver) return false;
      const now = clock.now();
      const job: StoredJob = {
        ...withEnd(running.job, now),
        state: 'completed',
        endedAt: now,
        ...(result !== undefined && { result }),
      };
      await moves.move(running.job, job, operations);
      running.isOver = true;
      return true;
    });
  }

  #fail(running: RunningJob, error: unknown): Promise<void> {
    const { moves, clock, aborting, handlers, logger, onFailed } = this.#options;
    return moves.locked(running.job, async () => {
      if (running.isOver) return;
      if (aborting.aborted) {
        await moves.move(running.job, withoutStart(running.job));
        running.isOver = true;
        return;
      }
      const kept = jobErrorOf(error, DwError.is(error) ? error.code : 'DW_AEDS_JOB_FAILED');
      const job = withEnd(running.job, clock.now(), kept);
      const isWorth = handlers.get(job.handler)?.isRetryable?.(error) ?? handlers.has(job.handler);
      logger.warn({ error, jobId: job.jobId, attempt: job.starts }, 'an attempt of a job failed');
      if (isWorth && job.starts < job.maxAttempts) await this.#postpone(job);
      else await this.#bury(job, kept);
      running.isOver = true;
      onFailed();
    });
  }

  async #postpone(job: StoredJob): Promise<void> {
    const { moves, clock, retry } = this.#options;
    const backoff = new Backoff(retry);
    let waitMs = backoff.next();
    for (let start = 1; start < Math.min(job.starts, 32); start += 1) waitMs = backoff.next();
    await moves.move(job, { ...job, state: 'delayed', notBefore: clock.now() + waitMs });
  }

  async #bury(job: StoredJob, error: JobError): Promise<void> {
    const { moves, clock, handlers } = this.#options;
    await handlers.get(job.handler)?.onDead?.(job, error);
    await moves.move(job, { ...job, state: 'dead', endedAt: clock.now() });
  }

  /** Stores the end of an attempt, again and again where the store refuses. */
  async #store(running: RunningJob, write: () => Promise<unknown>): Promise<void> {
    const { clock, logger, aborting } = this.#options;
    const backoff = new Backoff({ ...storeRetry, clock });
    const { jobId } = running.job;
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        logger.error({ error, jobId }, 'the end of a job could not be stored; trying again');
        // What is not stored runs again at the next start.
        if (aborting.aborted) return;
        await backoff.wait({ signal: aborting }).catch(() => undefined);
      }
    }
  }
}

/** @throws DwError `DW_AEDS_JOB_RESULT_TOO_LARGE`. */
function checkedResult(result: unknown): void {
  if (result === undefined) return;
  const bytes = Buffer.byteLength(JSON.stringify(result));
  if (bytes <= MAX_RESULT_BYTES) return;
  throw aedsError('DW_AEDS_JOB_RESULT_TOO_LARGE', {
    details: { bytes, maxBytes: MAX_RESULT_BYTES },
  });
}
