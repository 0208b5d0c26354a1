import {
  assertStorePath,
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
import type { OwnedJob } from './owned-jobs.js';
import { RunningJob } from './running-job.js';
import {
  type JobError,
  jobErrorOf,
  type StoredJob,
  withEnd,
  withInterruption,
  withStart,
} from './stored-job.js';

/** Largest result of a job, as JSON. */
const maxResultBytes = 65_536;
const { code, message } = aedsError('DW_AEDS_JOB_INTERRUPTED');
const interruption: JobError = Object.freeze({ code, message });
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
  readonly #watched = new Map<string, () => void>();

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

  /** Watches for the end of an attempt of a job, until disposed. Called under the job's lock. */
  watch(jobId: string): Disposable & { hasEnded(): boolean } {
    let hasEnded = false;
    this.#watched.set(jobId, () => {
      hasEnded = true;
    });
    return {
      hasEnded: () => hasEnded,
      [Symbol.dispose]: () => {
        this.#watched.delete(jobId);
      },
    };
  }

  /** Ends all attempts. */
  abortAll(reason: Error): void {
    for (const running of this.#running.values()) running.abort(reason);
  }

  /**
   * Runs a job to the end of one attempt. Never rejects.
   *
   * @param onHandled - Called when the handler is through, while its end is being stored. The next job
   *   begins with the same batch or a later one, so no more handlers run than may.
   */
  async run(ready: ReadyJob, onHandled: () => void): Promise<void> {
    const { concurrency, scheduler, aborting, clock, logger } = this.#options;
    let place: Disposable | undefined;
    try {
      place = await concurrency.enter({ signal: aborting });
      const running = await this.#begin(ready);
      const end = running && (await this.#handle(running));
      place[Symbol.dispose]();
      onHandled();
      if (running === undefined || end === undefined) return;
      await this.#store(running, end);
      this.#forget(running);
    } catch (error) {
      if (!aborting.aborted) {
        logger.error({ error, jobId: ready.jobId }, 'a job could not begin; trying again');
        await delay(storeRetry.firstMs, { clock, signal: aborting }).catch(() => undefined);
        scheduler.putBack(ready);
      }
      place?.[Symbol.dispose]();
      onHandled();
    }
  }

  /** Counts the attempt, durably, before it starts. */
  async #begin(ready: ReadyJob): Promise<RunningJob | undefined> {
    const { moves, scheduler } = this.#options;
    const found = ready.job ?? (await moves.read(ready.jobId));
    return await moves.inLine(found ?? ready, async () => {
      if (!scheduler.begin(ready)) return undefined;
      if (found?.state !== 'waiting' || this.#running.has(ready.jobId)) {
        scheduler.wasGone(ready);
        if (ready.owned !== undefined) await moves.disown(ready.owned);
        return undefined;
      }
      return await this.#start(found, ready.owned);
    });
  }

  async #start(found: StoredJob, owned: OwnedJob | undefined): Promise<RunningJob | undefined> {
    const { moves, clock, aborting } = this.#options;
    const now = clock.now();
    const before = owned ? withInterruption(found, owned, now, interruption) : found;
    if (before.starts >= before.maxAttempts) {
      await this.#bury(before, interruption);
      return undefined;
    }
    const job = withStart(before, now);
    const running = new RunningJob(job);
    if (aborting.aborted) running.abort(aborting.reason as Error);
    // At once, so that whoever cancels meets it here.
    this.#running.set(job.jobId, running);
    try {
      await moves.begin(job, owned && before);
    } catch (error) {
      this.#forget(running);
      throw error;
    }
    return running;
  }

  #forget(running: RunningJob): void {
    const { jobId } = running.job;
    this.#running.delete(jobId);
    this.#watched.get(jobId)?.();
    running.settle();
  }

  /** Calls the handler. What comes back stores how it ended. */
  async #handle(running: RunningJob): Promise<() => Promise<unknown>> {
    const { job } = running;
    const { handlers, timeLimitMs, clock, logger } = this.#options;
    const limitMs = job.timeLimitMs ?? timeLimitMs;
    try {
      if (running.isOver) return async () => undefined;
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
      return () => this.#complete(running, result, []);
    } catch (error) {
      return () => this.#fail(running, error);
    }
  }

  #context(running: RunningJob): JobContext {
    return {
      get signal() {
        return running.signal;
      },
      commit: async (operations, result) => {
        for (const { path } of operations) assertStorePath(path);
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
    return this.#decide(running, async () => {
      const now = clock.now();
      const job: StoredJob = { ...withEnd(running.job, now), state: 'completed', endedAt: now };
      await moves.move(running.job, result === undefined ? job : { ...job, result }, operations);
    });
  }

  #fail(running: RunningJob, error: unknown): Promise<boolean> {
    const { moves, clock, aborting, handlers, logger, onFailed } = this.#options;
    return this.#decide(running, async () => {
      if (aborting.aborted) {
        await moves.giveBack(running.job);
        return;
      }
      const kept = jobErrorOf(error, DwError.is(error) ? error.code : 'DW_AEDS_JOB_FAILED');
      const job = withEnd(running.job, clock.now(), kept);
      const isWorth = handlers.get(job.handler)?.isRetryable?.(error) ?? handlers.has(job.handler);
      logger.warn({ error, jobId: job.jobId, attempt: job.starts }, 'an attempt of a job failed');
      if (isWorth && job.starts < job.maxAttempts) await this.#postpone(job);
      else await this.#bury(job, kept);
      onFailed();
    });
  }

  /** Stores the end of an attempt, unless it is decided already. */
  #decide(running: RunningJob, store: () => Promise<void>): Promise<boolean> {
    return this.#options.moves.inLine(running.job, async () => {
      while (running.deciding !== undefined) await running.deciding;
      if (running.isOver) return false;
      running.isOver = true;
      try {
        await store();
        return true;
      } catch (error) {
        running.isOver = false;
        throw error;
      }
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
    let backoff: Backoff | undefined;
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        const { jobId } = running.job;
        logger.error({ error, jobId }, 'the end of a job could not be stored; trying again');
        // What is not stored runs again at the next start.
        if (aborting.aborted) return;
        backoff ??= new Backoff({ ...storeRetry, clock });
        await backoff.wait({ signal: aborting }).catch(() => undefined);
      }
    }
  }
}

/** @throws DwError `DW_AEDS_JOB_RESULT_TOO_LARGE`. */
function checkedResult(result: unknown): void {
  if (result === undefined) return;
  const bytes = Buffer.byteLength(JSON.stringify(result));
  if (bytes <= maxResultBytes) return;
  throw aedsError('DW_AEDS_JOB_RESULT_TOO_LARGE', {
    details: { bytes, maxBytes: maxResultBytes },
  });
}
