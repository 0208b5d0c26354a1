import type { BackingStoreOperation } from '@datawarehouse/sdk';
import type { JobError, StoredJob } from './stored-job.js';

/** What a handler gets with its job. */
export interface JobContext {
  /** Aborted when the job is cancelled or paused, its time is over, or the engine stops. */
  readonly signal: AbortSignal;
  /**
   * Writes what the handler has to store and the completion of the job in one batch. Nothing that the
   * handler does or throws afterwards counts.
   *
   * @throws DwError `DW_AEDS_JOB_OVER` where the job was cancelled or its time is over; nothing is
   *   written then.
   */
  commit(operations: readonly BackingStoreOperation[], result?: unknown): Promise<void>;
}

/**
 * Knows what to do with jobs of one name. A job may run again after a crash, so its work must come to
 * the same end twice, or be written with {@link JobContext.commit}.
 */
export interface JobHandler {
  /** @returns The result of the job, as JSON. */
  readonly run: (job: StoredJob, context: JobContext) => Promise<unknown>;
  /**
   * Whether another attempt may help after an error.
   * @defaultValue it may
   */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Called before a job is put with the dead letters; again after a crash. */
  readonly onDead?: (job: StoredJob, error: JobError) => Promise<void>;
  /** Called before a dead letter is sent again; again after a crash. */
  readonly onRevive?: (job: StoredJob) => Promise<void>;
}
