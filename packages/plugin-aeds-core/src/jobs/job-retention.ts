import {
  type BackingStoreOperation,
  type Clock,
  type IPersistentBackingStore,
  type Logger,
  storePathSegments,
} from '@datawarehouse/sdk';
import type { JobDesk } from './job-desk.js';
import { workPaths, workPrefixes } from './job-paths.js';
import type { EngineJobState } from './stored-job.js';

const roundMs = 60_000;
const pageLength = 500;

/** How long is kept what nobody needs to run any job, in milliseconds. */
export interface JobRetention {
  /** Completed and cancelled jobs with their results. */
  readonly endedMs: number;
  readonly deadMs: number;
  /** Idempotency keys, from their first use. */
  readonly idempotencyMs: number;
}

/** Removes what has been kept long enough, a page at a time. */
export class JobRetentionWatch {
  readonly #store: IPersistentBackingStore;
  readonly #ages: JobRetention;
  readonly #desk: Pick<JobDesk, 'forget'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Disposable | undefined;
  #round: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: {
    readonly store: IPersistentBackingStore;
    readonly ages: JobRetention;
    readonly desk: Pick<JobDesk, 'forget'>;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#store = options.store;
    this.#ages = options.ages;
    this.#desk = options.desk;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  start(): void {
    if (this.#isClosed) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#round = this.clean().then(() => {
        this.start();
      });
    }, roundMs);
  }

  /** Removes now what is old enough. Never rejects. */
  async clean(): Promise<void> {
    const { endedMs, deadMs, idempotencyMs } = this.#ages;
    try {
      await this.#cleanJobs(workPrefixes.ended, endedMs);
      await this.#cleanDead(workPrefixes.dead, deadMs);
      await this.#cleanKeys(idempotencyMs);
    } catch (error) {
      if (!this.#isClosed) this.#logger.warn({ error }, 'old jobs could not be removed');
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#round;
  }

  #cleanJobs(prefix: string, ageMs: number): Promise<void> {
    return this.#cleanBelow(prefix, ageMs, (jobId) => workPaths.job(jobId));
  }

  #cleanKeys(ageMs: number): Promise<void> {
    return this.#cleanBelow(workPrefixes.idempotencyAges, ageMs, (key) =>
      workPaths.idempotency(key),
    );
  }

  /** One at a time: a dead letter may be sent again meanwhile. */
  async #cleanDead(prefix: string, ageMs: number): Promise<void> {
    const state: EngineJobState = 'dead';
    for await (const path of this.#store.list(prefix)) {
      const [, , , time, jobId = ''] = storePathSegments(path);
      if (Number(time) > this.#clock.now() - ageMs || this.#isClosed) return;
      await this.#desk.forget(jobId, state);
    }
  }

  /** Removes entries whose time is long enough ago, each with what it stands for. */
  async #cleanBelow(
    prefix: string,
    ageMs: number,
    subjectOf: (name: string) => string,
  ): Promise<void> {
    const before = this.#clock.now() - ageMs;
    for (let isMore = true; isMore && !this.#isClosed; ) {
      const operations: BackingStoreOperation[] = [];
      isMore = false;
      for await (const path of this.#store.list(prefix, { limit: pageLength })) {
        const [, , , time, name = ''] = storePathSegments(path);
        if (Number(time) > before) break;
        operations.push({ type: 'delete', path }, { type: 'delete', path: subjectOf(name) });
        isMore = operations.length === 2 * pageLength;
      }
      if (operations.length > 0) await this.#store.batch(operations, { durability: 'os' });
    }
  }
}
