import type {
  BackingStoreOperation,
  BackpressureGate,
  Clock,
  ConcurrencyLimit,
  IPersistentBackingStore,
  Logger,
} from '@datawarehouse/sdk';

/** A job, as far as tests look at it. */
export interface BuiltJob {
  readonly jobId: string;
  readonly key?: string;
  readonly data?: unknown;
  readonly state: string;
  readonly starts: number;
}

/** The job engine of AEDS, as far as tests use it; its package does not export it. */
export interface BuiltJobEngine {
  register(
    name: string,
    handler: {
      readonly run: (
        job: BuiltJob,
        context: {
          commit(operations: readonly BackingStoreOperation[], result?: unknown): Promise<void>;
        },
      ) => Promise<unknown>;
    },
  ): void;
  start(): void;
  enqueue(request: {
    readonly handler: string;
    readonly data?: unknown;
    readonly key?: string;
    readonly score?: number;
  }): Promise<{ readonly jobId: string }>;
  get(jobId: string): Promise<BuiltJob | undefined>;
  ended(jobId: string): Promise<BuiltJob>;
  statistics(): { readonly completedCount: number; readonly runningCount: number };
  stop(deadline: AbortSignal): Promise<void>;
}

interface JobsModule {
  readonly JobEngine: {
    open(options: {
      readonly store: IPersistentBackingStore;
      readonly gate: BackpressureGate;
      readonly concurrency: ConcurrencyLimit;
      readonly partitionCount: number;
      readonly clock: Clock;
      readonly logger: Logger;
      readonly maxAttempts?: number;
      readonly retry?: { readonly firstMs: number; readonly maxMs: number };
    }): Promise<BuiltJobEngine>;
  };
}

/** Loads the engine as built. */
export async function loadJobEngine(): Promise<JobsModule['JobEngine']> {
  const file = '../../../packages/plugin-aeds-core/dist/jobs/job-engine.js';
  const module = (await import(new URL(file, import.meta.url).href)) as JobsModule;
  return module.JobEngine;
}
