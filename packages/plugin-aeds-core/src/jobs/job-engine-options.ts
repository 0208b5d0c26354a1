import type {
  BackingStoreOperation,
  BackpressureGate,
  Clock,
  ConcurrencyLimit,
  IPersistentBackingStore,
  Logger,
} from '@datawarehouse/sdk';
import type { JobRetention } from './job-retention.js';

/** Options of {@link JobEngine.open}. */
export interface JobEngineOptions {
  readonly store: IPersistentBackingStore;
  /** Bounds open jobs. */
  readonly gate: BackpressureGate;
  /** Bounds what runs, in all partitions. */
  readonly concurrency: ConcurrencyLimit;
  readonly partitionCount: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Longest that an attempt may take, unless the job says otherwise, in milliseconds.
   * @defaultValue 300000
   */
  readonly timeLimitMs?: number;
  /**
   * Attempts of a job, unless the job says otherwise.
   * @defaultValue 5
   */
  readonly maxAttempts?: number;
  /** Longest wait after the first failed attempt, and after any. Default: 1 s and 5 minutes. */
  readonly retry?: { readonly firstMs: number; readonly maxMs: number };
  /** Default: ended jobs and idempotency keys a day, dead letters 30 days. */
  readonly retention?: Partial<JobRetention>;
  /**
   * Source of numbers from 0 to 1.
   * @defaultValue `Math.random`
   */
  readonly random?: () => number;
}

/** A job to be enqueued. */
export interface JobRequest {
  /** Name of the handler. */
  readonly handler: string;
  /** What the handler needs, as JSON; at most 64 KiB. */
  readonly data?: unknown;
  /** Jobs of one key run one after another, in order of enqueuing. Default: the id. */
  readonly key?: string;
  /** Default: a new one. */
  readonly jobId?: string;
  /**
   * 0 to 150; higher goes first.
   * @defaultValue 50
   */
  readonly score?: number;
  readonly maxAttempts?: number;
  readonly timeLimitMs?: number;
  /** Milliseconds before the first attempt. Default: none. */
  readonly delayMs?: number;
  /** A second job of the same key is not made; the first one's id is returned. */
  readonly idempotencyKey?: string;
  /** What is stored with the job, all or nothing. */
  readonly operations?: readonly BackingStoreOperation[];
}

/** What became of a request. */
export interface EnqueuedJob {
  readonly jobId: string;
  /** `false` where an earlier job has the idempotency key. */
  readonly isNew: boolean;
}

/** What an engine holds and has done since it was opened. */
export interface JobEngineStatistics {
  readonly enqueuedCount: number;
  readonly completedCount: number;
  readonly cancelledCount: number;
  /** Jobs put with the dead letters. */
  readonly deadCount: number;
  /** Attempts that failed, the last ones of dead letters among them. */
  readonly failedAttemptCount: number;
  readonly runningCount: number;
  /** Jobs that may run and do not yet, by partition. */
  readonly partitionDepths: readonly number[];
  /** Whether no job may start. */
  readonly isHeld: boolean;
  /** Whether jobs of an earlier run could not all be found. */
  readonly hasLostSight: boolean;
}
