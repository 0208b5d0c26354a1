import type { Clock } from '@datawarehouse/sdk';
import type { AedsCollections } from '../collections/aeds-collections.js';
import type { JobRecord } from '../collections/job-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import type { JobLifecycle } from '../jobs/job-lifecycle.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';
import type { ManifestValidator } from '../manifests/manifest-validator.js';
import type { ClientSignals } from './client-signals.js';
import { settledStatusOf, summarise, type TargetCounts } from './target-counts.js';
import type { TargetLedger } from './target-ledger.js';
import { resolveTargets } from './target-resolver.js';

/** Name of the handler that jobs of this kind carry. */
export const DELIVER_HANDLER = 'deliver';

export interface DispatcherOptions {
  readonly collections: AedsCollections;
  readonly lifecycle: JobLifecycle;
  readonly ledger: TargetLedger;
  readonly validator: ManifestValidator;
  readonly signals: ClientSignals;
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
  async deliver(job: JobRecord, signal: AbortSignal): Promise<void> {
    if (job.dispatchedAt === undefined) await this.#dispatch(job, signal);
    await this.#settle(job.jobId, await this.#options.ledger.counts(job.jobId));
  }

  /** Lets nobody wait for a job that has failed. */
  async abandon(jobId: string): Promise<void> {
    await this.#options.ledger.closeOpen(jobId, 'cancelled', 'DW_AEDS_JOB_FAILED');
  }

  /**
   * Cancels a job. Clients that have applied it already stay so.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`, `DW_AEDS_JOB_FINISHED`.
   */
  async cancel(jobId: string): Promise<JobRecord> {
    const { lifecycle } = this.#options;
    const job = await lifecycle.end(jobId, 'cancelled');
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

  async #dispatch(job: JobRecord, signal: AbortSignal): Promise<void> {
    const { collections, ledger, lifecycle, signals } = this.#options;
    const manifest = await this.#manifestOf(job);
    const { clientIds, unfit } = await resolveTargets(manifest, collections, signal);
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
