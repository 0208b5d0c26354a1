import {
  type BackingStoreOperation,
  type Clock,
  type IPersistentBackingStore,
  storePath,
  storePathSegments,
  storePrefix,
} from '@datawarehouse/sdk';
import type { Collection } from '../collections/collection.js';
import { isFinal, type JobRecord, type JobStatus } from '../collections/job-record.js';
import { without } from './without.js';

/** A final state that a job's targets lead to. */
export type SettledJobStatus = Extract<JobStatus, 'completed' | 'partiallyCompleted' | 'failed'>;

type FinalJobStatus = SettledJobStatus | 'cancelled';

/** The legal moves of a job. Each open job has a mark beside it, by which it is found after a crash. */
export class JobLifecycle {
  readonly #jobs: Collection<JobRecord>;
  readonly #store: IPersistentBackingStore;
  readonly #clock: Clock;

  constructor(jobs: Collection<JobRecord>, store: IPersistentBackingStore, clock: Clock) {
    this.#jobs = jobs;
    this.#store = store;
    this.#clock = clock;
  }

  get(jobId: string): Promise<JobRecord | undefined> {
    return this.#jobs.get(jobId);
  }

  /** What adds a job with its mark. Only for new ids. */
  additions(job: JobRecord): readonly BackingStoreOperation[] {
    return [...this.#jobs.stage(job.jobId, job), openMark(job.jobId)];
  }

  /** Takes a job into work; `undefined` where it is final or gone. */
  async begin(jobId: string): Promise<JobRecord | undefined> {
    const job = await this.#jobs.update(jobId, (current) =>
      current.status === 'queued' ? { ...current, status: 'inProgress' } : current,
    );
    return job === undefined || isFinal(job) ? undefined : job;
  }

  /** Notes that every target is in the ledger. */
  dispatched(jobId: string, totalTargets: number): Promise<JobRecord | undefined> {
    return this.#jobs.update(jobId, (current) =>
      current.dispatchedAt === undefined
        ? { ...current, totalTargets, dispatchedAt: this.#clock.now() }
        : current,
    );
  }

  /** Ends an open job; one that has ended stays as it is. */
  end(
    jobId: string,
    status: FinalJobStatus,
    error?: { readonly code: string; readonly message: string },
  ): Promise<JobRecord | undefined> {
    return this.#end(jobId, (current) => {
      if (isFinal(current)) return current;
      const at = this.#clock.now();
      const { code, message } = error ?? {};
      const reason = code !== undefined &&
        message !== undefined && { error: { code, message, at } };
      return { ...current, status, completedAt: at, ...reason };
    });
  }

  /** Opens a job again that failed before its targets could tell; another stays as it is. */
  reopen(jobId: string): Promise<JobRecord | undefined> {
    return this.#jobs.update(
      jobId,
      (current) => {
        if (current.status !== 'failed' || current.error === undefined) return current;
        return { ...without(current, 'error', 'completedAt'), status: 'queued' };
      },
      { operations: () => [openMark(jobId)] },
    );
  }

  /** Ends a job by what became of its targets, or corrects its end by a report that came late. */
  settle(jobId: string, status: SettledJobStatus): Promise<JobRecord | undefined> {
    return this.#end(jobId, (current) => {
      // One that was cancelled, or failed before its targets were known, stays so.
      if (current.dispatchedAt === undefined || current.status === 'cancelled') return current;
      if (current.error !== undefined || current.status === status) return current;
      return { ...current, status, completedAt: current.completedAt ?? this.#clock.now() };
    });
  }

  #end(jobId: string, change: (current: JobRecord) => JobRecord): Promise<JobRecord | undefined> {
    return this.#jobs.update(jobId, change, {
      operations: () => [{ type: 'delete', path: openJobPath(jobId) }],
    });
  }

  /** Ids of the jobs that are not final, oldest first. */
  async *open(): AsyncGenerator<string> {
    for await (const path of this.#store.list(storePrefix('aeds', 'open-jobs'))) {
      const jobId = storePathSegments(path).at(-1);
      if (jobId !== undefined) yield jobId;
    }
  }
}

function openJobPath(jobId: string): string {
  return storePath('aeds', 'open-jobs', jobId);
}

function openMark(jobId: string): BackingStoreOperation {
  return { type: 'write', path: openJobPath(jobId), data: new Uint8Array(0) };
}
