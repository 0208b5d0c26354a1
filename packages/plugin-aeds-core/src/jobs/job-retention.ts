import {
  type BackingStoreOperation,
  type Clock,
  type IPersistentBackingStore,
  type Logger,
  storePathSegments,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { decodeRecord } from '../collections/record-codec.js';
import type { JobDesk } from './job-desk.js';
import { workPaths, workPrefixes } from './job-paths.js';

const roundMs = 60_000;
/** Jobs that ended in one commit. */
const endedSchema = z.array(z.string());

/** How long is kept what nobody needs to run any job, in milliseconds. */
export interface JobRetention {
  /** Completed and cancelled jobs with their results. */
  readonly endedMs: number;
  readonly deadMs: number;
  /** Idempotency keys, from their first use. */
  readonly idempotencyMs: number;
}

/** Removes what has been kept long enough, a few at a time. */
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
      await this.#cleanEnded(endedMs);
      await this.#cleanDead(deadMs);
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

  /** Removes ended jobs: each entry names those that one commit has ended. */
  async #cleanEnded(ageMs: number): Promise<void> {
    const before = this.#clock.now() - ageMs;
    for await (const { path, data } of this.#store.scan(workPrefixes.ended)) {
      const [, , , time] = storePathSegments(path);
      if (Number(time) > before || this.#isClosed) return;
      const jobIds = decodeRecord(endedSchema, path, data);
      const operations = jobIds.map(
        (jobId): BackingStoreOperation => ({ type: 'delete', path: workPaths.job(jobId) }),
      );
      await this.#store.batch([...operations, { type: 'delete', path }], { durability: 'os' });
    }
  }

  /** One at a time: a dead letter may be sent again meanwhile. */
  async #cleanDead(ageMs: number): Promise<void> {
    for await (const path of this.#store.list(workPrefixes.dead)) {
      const [, , , time, jobId = ''] = storePathSegments(path);
      if (Number(time) > this.#clock.now() - ageMs || this.#isClosed) return;
      await this.#desk.forget(jobId);
    }
  }

  async #cleanKeys(ageMs: number): Promise<void> {
    const before = this.#clock.now() - ageMs;
    for await (const path of this.#store.list(workPrefixes.idempotencyAges)) {
      const [, , , time, key = ''] = storePathSegments(path);
      if (Number(time) > before || this.#isClosed) return;
      await this.#store.batch(
        [
          { type: 'delete', path: workPaths.idempotency(key) },
          { type: 'delete', path },
        ],
        { durability: 'os' },
      );
    }
  }
}
