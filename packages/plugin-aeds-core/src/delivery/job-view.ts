import type { AedsCollections } from '../collections/aeds-collections.js';
import type { CollectionLookup } from '../collections/collection.js';
import type { JobRecord } from '../collections/job-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import { manifestOf } from '../manifests/manifest-validator.js';
import { summarise, type TargetCounts } from './target-counts.js';
import type { TargetLedger } from './target-ledger.js';
import type { TargetRecord } from './target-record.js';

/** A job as an operator sees it; its numbers come from the ledger. */
export interface JobSummary {
  readonly jobId: string;
  readonly manifestId: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly action: string;
  readonly deliveryMode: string;
  readonly targets: readonly string[];
  readonly status: JobRecord['status'];
  readonly totalTargets: number;
  readonly deliveredCount: number;
  readonly failedCount: number;
  readonly openCount: number;
  readonly priorityScore: number;
  readonly queuedAt: number;
  readonly completedAt?: number;
  readonly expiresAt?: number;
  readonly error?: JobRecord['error'];
}

/** A client's part in a job, with the client's name. */
export type TargetView = TargetRecord & { readonly name?: string };

/** One job with its targets, a page of them. */
export interface JobDetail extends JobSummary {
  readonly counts: TargetCounts;
  readonly targetStates: readonly TargetView[];
  /** Give it as `after` for the next page. */
  readonly nextTarget?: string;
}

/** What the operator's API tells of jobs. */
export class JobView {
  readonly #collections: AedsCollections;
  readonly #ledger: TargetLedger;

  constructor(collections: AedsCollections, ledger: TargetLedger) {
    this.#collections = collections;
    this.#ledger = ledger;
  }

  /** Jobs, the latest first; those of a status or a channel alone where one is given. */
  async list(
    page: { readonly after?: string; readonly limit: number },
    lookup?: CollectionLookup,
  ): Promise<JobSummary[]> {
    const { jobs: records } = this.#collections;
    const latest = { ...page, reverse: true };
    const jobs = await (lookup ? records.listBy(lookup, latest) : records.list(latest));
    return await Promise.all(
      jobs.map(async (job) => this.#summary(job, await this.#ledger.counts(job.jobId))),
    );
  }

  /** @throws DwError `DW_AEDS_JOB_UNKNOWN`. */
  async show(
    jobId: string,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<JobDetail> {
    const job = await this.#collections.jobs.get(jobId);
    if (job === undefined) throw aedsError('DW_AEDS_JOB_UNKNOWN', { details: { jobId } });
    const counts = await this.#ledger.counts(jobId);
    const targets = await this.#ledger.targets(jobId, page);
    const last = targets.at(-1)?.clientId;
    return {
      ...(await this.#summary(job, counts)),
      counts,
      targetStates: await Promise.all(targets.map((target) => this.#named(target))),
      ...(targets.length === page.limit && last !== undefined && { nextTarget: last }),
    };
  }

  async #summary(job: JobRecord, counts: TargetCounts): Promise<JobSummary> {
    const record = await this.#collections.manifests.get(job.manifestId);
    const manifest = record && manifestOf(record.envelope);
    const { totalTargets, deliveredCount, failedCount, openCount } = summarise(counts);
    return {
      jobId: job.jobId,
      manifestId: job.manifestId,
      name: manifest?.payload.name ?? '',
      sizeBytes: manifest?.payload.sizeBytes ?? 0,
      action: manifest?.action ?? '',
      deliveryMode: manifest?.deliveryMode ?? '',
      targets: manifest?.targets ?? [],
      status: job.status,
      totalTargets,
      deliveredCount,
      failedCount,
      openCount,
      priorityScore: job.priorityScore,
      queuedAt: job.queuedAt,
      ...(job.completedAt !== undefined && { completedAt: job.completedAt }),
      ...(job.expiresAt !== undefined && { expiresAt: job.expiresAt }),
      ...(job.error !== undefined && { error: job.error }),
    };
  }

  async #named(target: TargetRecord): Promise<TargetView> {
    const client = await this.#collections.clients.get(target.clientId);
    return client === undefined ? target : { ...target, name: client.name };
  }
}
