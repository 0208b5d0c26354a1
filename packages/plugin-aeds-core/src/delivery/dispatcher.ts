import { type Clock, DwError } from '@datawarehouse/sdk';
import type { AedsCollections } from '../collections/aeds-collections.js';
import type { JobRecord } from '../collections/job-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import type { JobEngine } from '../jobs/job-engine.js';
import type { JobRequest } from '../jobs/job-engine-options.js';
import type { JobHandler } from '../jobs/job-handler.js';
import type { JobLifecycle } from '../jobs/job-lifecycle.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';
import type { ManifestValidator } from '../manifests/manifest-validator.js';
import type { ClientSignals } from './client-signals.js';
import type { FleetIndex } from './fleet-index.js';
import { settledStatusOf, summarise, type TargetCounts } from './target-counts.js';
import type { TargetLedger } from './target-ledger.js';
import { resolveTargets } from './target-resolver.js';

/** Name of the handler that jobs of this kind carry. */
export const DELIVER_HANDLER = 'deliver';

/** Reason of targets that nobody waits for because their job failed. */
const JOB_FAILED = 'DW_AEDS_JOB_FAILED';

/** What the engine has to do for a job. */
export function deliveryOf({ jobId, priorityScore }: JobRecord): JobRequest {
  return { jobId, handler: DELIVER_HANDLER, score: priorityScore };
}

export interface DispatcherOptions {
  readonly collections: AedsCollections;
  readonly engine: JobEngine;
  readonly lifecycle: JobLifecycle;
  readonly ledger: TargetLedger;
  readonly validator: ManifestValidator;
  readonly signals: ClientSignals;
  readonly fleet: FleetIndex;
  readonly clock: Clock;
}

/** Turns a job into targets, tells their clients, and ends the job when the last target has ended. */
export class Dispatcher {
  readonly #options: DispatcherOptions;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    options.ledger.onSettle = (jobId, counts) => this.#settle(jobId, counts);
  }

  /** The handler of delivery jobs. Running it again changes nothing that is done. */
  get handler(): JobHandler {
    const { lifecycle, ledger } = this.#options;
    return {
      run: async ({ jobId }, { signal }) => {
        await this.#deliver(jobId, signal);
      },
      isRetryable: (error) => !DwError.is(error) || error.retryable,
      // Nobody shall wait for a job that has failed.
      onDead: async ({ jobId }, error) => {
        await lifecycle.end(jobId, 'failed', error);
        await ledger.closeOpen(jobId, 'cancelled', JOB_FAILED);
      },
      onRevive: async ({ jobId }) => {
        await ledger.reopen(jobId, JOB_FAILED);
        await lifecycle.reopen(jobId);
      },
    };
  }

  /** Goes on with what a crash has left between two steps: jobs to dispatch, and jobs to end. */
  async reconcile(signal: AbortSignal): Promise<void> {
    const { engine, lifecycle, ledger } = this.#options;
    for await (const jobId of lifecycle.open()) {
      if (signal.aborted) return;
      const job = await lifecycle.get(jobId);
      if (job === undefined) continue;
      if (job.dispatchedAt !== undefined) await this.#settle(jobId, await ledger.counts(jobId));
      else if ((await engine.get(jobId)) === undefined) await engine.enqueue(deliveryOf(job));
    }
  }

  /**
   * Cancels a job. Clients that have applied it already stay so.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`, `DW_AEDS_JOB_FINISHED`.
   */
  async cancel(jobId: string): Promise<JobRecord> {
    const { lifecycle } = this.#options;
    const job = await lifecycle.end(jobId, 'cancelled');
    await this.#stopWork(jobId);
    if (job === undefined) throw aedsError('DW_AEDS_JOB_UNKNOWN', { details: { jobId } });
    if (job.status !== 'cancelled') {
      throw aedsError('DW_AEDS_JOB_FINISHED', { details: { jobId, status: job.status } });
    }
    await this.#closeOpen(jobId, 'cancelled');
    return job;
  }

  /** Gives up on whoever has not taken a job by its end. */
  async expire(jobId: string): Promise<void> {
    await this.#closeOpen(jobId, 'expired');
  }

  async #deliver(jobId: string, signal: AbortSignal): Promise<void> {
    const job = await this.#options.lifecycle.begin(jobId);
    if (job === undefined) return;
    if (job.dispatchedAt === undefined) await this.#dispatch(job, signal);
    await this.#settle(jobId, await this.#options.ledger.counts(jobId));
  }

  /** Cancels what the engine still has to do for a job. */
  async #stopWork(jobId: string): Promise<void> {
    const settled = ['DW_AEDS_JOB_FINISHED', 'DW_AEDS_JOB_UNKNOWN'];
    try {
      await this.#options.engine.desk.cancel(jobId);
    } catch (error) {
      if (!settled.some((code) => DwError.is(error, code))) throw error;
    }
  }

  async #dispatch(job: JobRecord, signal: AbortSignal): Promise<void> {
    const { collections, fleet, ledger, lifecycle, signals } = this.#options;
    const manifest = await this.#manifestOf(job);
    const sources = { ...collections, fleet };
    const { clientIds, unfit } = await resolveTargets(manifest, sources, signal);
    if (clientIds.length === 0) {
      throw aedsError('DW_AEDS_NO_TARGETS', { details: { jobId: job.jobId, unfit: unfit.length } });
    }
    const counts = await ledger.open(job.jobId, clientIds, signal);
    // An interrupted run may have added clients that would not be found any more.
    const { totalTargets } = summarise(counts);
    const now = await lifecycle.dispatched(job.jobId, totalTargets);
    // Both may have come while the ledger was written.
    if (now?.status === 'cancelled') await this.#closeOpen(job.jobId, 'cancelled');
    if ((job.expiresAt ?? Infinity) <= this.#options.clock.now()) await this.expire(job.jobId);
    for (const clientId of clientIds) signals.notify(clientId);
  }

  async #manifestOf(job: JobRecord): Promise<IntentManifest> {
    const { collections, validator } = this.#options;
    const record = await collections.manifests.get(job.manifestId);
    if (record === undefined) {
      throw aedsError('DW_AEDS_RECORD_DAMAGED', {
        message: 'The manifest of a job is missing',
        details: { jobId: job.jobId, manifestId: job.manifestId },
      });
    }
    return await validator.validate(record);
  }

  async #closeOpen(jobId: string, state: 'expired' | 'cancelled'): Promise<void> {
    const { ledger } = this.#options;
    await ledger.closeOpen(jobId, state);
    await this.#settle(jobId, await ledger.counts(jobId));
  }

  /** Ends the job where its last target has ended, and only once all of them are in the ledger. */
  async #settle(jobId: string, counts: TargetCounts): Promise<void> {
    const { lifecycle } = this.#options;
    const status = settledStatusOf(counts);
    if (status !== undefined) await lifecycle.settle(jobId, status);
  }
}
