import {
  type Clock,
  type IPersistentBackingStore,
  type Logger,
  storePathSegments,
} from '@datawarehouse/sdk';
import { isAborted } from '../concurrency/is-aborted.js';
import { workPrefixes } from './job-paths.js';

/** Timers do not notice when the clock is set or the machine sleeps, so they do not wait longer at once. */
const longestWaitMs = 60_000;
const retryMs = 5_000;

/** Awakes delayed jobs when their time has come. Only the next moment is in memory. */
export class JobDelays {
  readonly #store: IPersistentBackingStore;
  readonly #awake: (jobId: string) => Promise<void>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Disposable | undefined;
  #nextAt = Infinity;
  #round: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(options: {
    readonly store: IPersistentBackingStore;
    readonly awake: (jobId: string) => Promise<void>;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#store = options.store;
    this.#awake = options.awake;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Notes that a job was delayed. */
  note(at: number): void {
    if (at < this.#nextAt) this.#wakeAt(at);
  }

  /** Awakes what is due, and sets the timer for the next. */
  look(): Promise<void> {
    this.#round = this.#round.then(() => this.#look());
    return this.#round;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#round;
  }

  async #look(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#nextAt = Infinity;
    try {
      for await (const path of this.#store.list(workPrefixes.delayed)) {
        if (isAborted(this.#closing.signal)) return;
        const [, , , time, jobId = ''] = storePathSegments(path);
        if (Number(time) > this.#clock.now()) {
          this.note(Number(time));
          return;
        }
        await this.#awake(jobId);
      }
    } catch (error) {
      if (isAborted(this.#closing.signal)) return;
      this.#logger.error({ error }, 'delayed jobs could not be awoken; trying again');
      this.note(this.#clock.now() + retryMs);
    }
  }

  #wakeAt(at: number): void {
    this.#timer?.[Symbol.dispose]();
    if (isAborted(this.#closing.signal)) return;
    this.#nextAt = at;
    const waitMs = Math.max(0, at - this.#clock.now());
    this.#timer = this.#clock.setTimeout(
      () => {
        void this.look();
      },
      Math.min(waitMs, longestWaitMs),
    );
  }
}
