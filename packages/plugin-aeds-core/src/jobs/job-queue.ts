import {
  type BackingStoreOperation,
  type BackpressureGate,
  type Clock,
  type ConcurrencyLimit,
  DwError,
  type Logger,
  withTimeLimit,
} from '@datawarehouse/sdk';
import type { JobRecord } from '../collections/job-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import { fnv1a } from './fnv1a.js';
import type { JobLifecycle } from './job-lifecycle.js';
import { JobPartition } from './job-partition.js';

/** Does the work of a job. It may run again after a crash, so it must come to the same end twice. */
export type JobHandler = (job: JobRecord, signal: AbortSignal) => Promise<void>;

export interface JobQueueOptions {
  readonly lifecycle: JobLifecycle;
  /** Handlers by the name that jobs carry. */
  readonly handlers: Readonly<Record<string, JobHandler>>;
  /** Told after a failed job was stored as such. */
  readonly onFailed: (jobId: string) => Promise<void>;
  /** Counts what waits. */
  readonly gate: BackpressureGate;
  /** Bounds what runs. */
  readonly concurrency: ConcurrencyLimit;
  readonly partitionCount: number;
  readonly timeLimitMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface JobQueueStatistics {
  readonly enqueuedCount: number;
  readonly processedCount: number;
  readonly failedCount: number;
  readonly partitionDepths: readonly number[];
  /** Whether jobs of an earlier run could not be found; they wait for the next start. */
  readonly hasLostSight: boolean;
}

/** Runs jobs: each in the partition that its id leads to, the most urgent first, one at a time a partition. */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #partitions: readonly JobPartition[];
  /** Jobs of this run, until those of earlier runs have all been found: they must not be found too. */
  #fresh: Set<string> | undefined = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #aborting = new AbortController();
  #work: Promise<unknown> | undefined;
  #hasLostSight = false;
  #enqueuedCount = 0;
  #processedCount = 0;
  #failedCount = 0;

  constructor(options: JobQueueOptions) {
    this.#options = options;
    this.#partitions = Array.from({ length: options.partitionCount }, () => new JobPartition());
  }

  /**
   * Stores a job, and queues it.
   *
   * @param operations - What is stored with it, all or nothing.
   * @throws DwError `DW_SCALING_OVERLOADED` where the queue is full, `DW_AEDS_STOPPED`.
   */
  async enqueue(job: JobRecord, operations: readonly BackingStoreOperation[]): Promise<void> {
    if (this.#stopping.signal.aborted) throw aedsError('DW_AEDS_STOPPED');
    const place = this.#options.gate.tryEnter();
    this.#fresh?.add(job.jobId);
    try {
      await this.#options.lifecycle.add(job, operations);
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
    this.#enqueuedCount += 1;
    this.#push(job.jobId, job.priorityScore, place);
  }

  /** Begins work, with the jobs that an earlier run left open first in line. */
  start(): void {
    const { signal } = this.#stopping;
    const workers = this.#partitions.map((partition) =>
      partition.run((jobId) => this.#run(jobId), signal),
    );
    this.#work = Promise.all([...workers, this.#recover()]);
  }

  /** Takes up no more, waits for what runs, and aborts that at the deadline. The rest stays stored. */
  async stop(deadline: AbortSignal): Promise<void> {
    const abort = (): void => {
      this.#aborting.abort(aedsError('DW_AEDS_STOPPED'));
    };
    this.#stopping.abort(aedsError('DW_AEDS_STOPPED'));
    if (deadline.aborted) abort();
    deadline.addEventListener('abort', abort, { once: true });
    await this.#work;
    deadline.removeEventListener('abort', abort);
  }

  statistics(): JobQueueStatistics {
    return {
      enqueuedCount: this.#enqueuedCount,
      processedCount: this.#processedCount,
      failedCount: this.#failedCount,
      partitionDepths: this.#partitions.map(({ queueDepth }) => queueDepth),
      hasLostSight: this.#hasLostSight,
    };
  }

  #push(jobId: string, score: number, place: Disposable): void {
    const partition = this.#partitions[fnv1a(jobId) % this.#partitions.length];
    if (partition === undefined) throw new TypeError('A queue has at least one partition');
    partition.push({ jobId, place }, score);
  }

  async #recover(): Promise<void> {
    const { lifecycle, gate, logger } = this.#options;
    const { signal } = this.#stopping;
    try {
      for await (const jobId of lifecycle.open()) {
        if (signal.aborted) return;
        if (this.#fresh?.has(jobId) === true) continue;
        const job = await lifecycle.get(jobId);
        if (job === undefined) continue;
        const place = await gate.enter({ signal });
        this.#push(jobId, job.priorityScore, place);
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#hasLostSight = true;
      logger.error({ error }, 'open jobs could not all be taken up again; restart the node');
    } finally {
      this.#fresh = undefined;
    }
  }

  async #run(jobId: string): Promise<void> {
    const { concurrency } = this.#options;
    try {
      await concurrency.run(() => this.#runHandler(jobId), { signal: this.#aborting.signal });
    } catch (error) {
      await this.#fail(jobId, error);
    }
  }

  async #runHandler(jobId: string): Promise<void> {
    const { lifecycle, handlers, timeLimitMs, clock, logger } = this.#options;
    const job = await lifecycle.begin(jobId);
    if (job === undefined) return;
    const handler = Object.hasOwn(handlers, job.handler) ? handlers[job.handler] : undefined;
    if (handler === undefined) {
      throw aedsError('DW_AEDS_JOB_NO_HANDLER', { details: { jobId, handler: job.handler } });
    }
    await withTimeLimit((signal) => handler(job, signal), {
      limitMs: timeLimitMs,
      clock,
      signal: this.#aborting.signal,
      error: () => aedsError('DW_AEDS_JOB_TIMEOUT', { details: { jobId, timeLimitMs } }),
      onLateFailure: (error) => {
        logger.warn({ error, jobId }, 'a job failed after its time was over');
      },
    });
    this.#processedCount += 1;
  }

  async #fail(jobId: string, error: unknown): Promise<void> {
    const { lifecycle, onFailed, logger } = this.#options;
    // Stopped, not failed: it stays open, and runs again at the next start.
    if (DwError.is(error, 'DW_AEDS_STOPPED')) return;
    this.#failedCount += 1;
    logger.error({ error, jobId }, 'a job failed');
    try {
      await lifecycle.end(jobId, 'failed', error);
      await onFailed(jobId);
    } catch (cause) {
      logger.error({ error: cause, jobId }, 'the failure of a job could not be stored');
    }
  }
}
