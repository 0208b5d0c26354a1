import {
  type BackingStoreOperation,
  type Clock,
  type IPersistentBackingStore,
  type Logger,
  sequenceSegment,
  storePath,
  storePathSegments,
  storePrefix,
} from '@datawarehouse/sdk';

/** Timers do not notice when the clock is set or the machine sleeps, so they do not wait longer at once. */
const longestWaitMs = 60_000;
const retryMs = 30_000;

/** Entry of a job among those that end at a time. */
export function expiryOperation(jobId: string, expiresAt: number): BackingStoreOperation {
  return { type: 'write', path: expiryPath(jobId, expiresAt), data: new Uint8Array(0) };
}

/** Calls for each job when its time is over: at once for what ended while nobody ran. */
export class ExpiryWatch implements AsyncDisposable {
  readonly #store: IPersistentBackingStore;
  readonly #expire: (jobId: string) => Promise<void>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Disposable | undefined;
  #round: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(options: {
    readonly store: IPersistentBackingStore;
    /** May be called again for the same job after a crash. */
    readonly expire: (jobId: string) => Promise<void>;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#store = options.store;
    this.#expire = options.expire;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Looks what has ended, and sets the timer for the next. Call it after each new entry. */
  wake(): Promise<void> {
    this.#round = this.#round.then(() => this.#run());
    return this.#round;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#round;
  }

  async #run(): Promise<void> {
    if (this.#isClosed()) return;
    try {
      for await (const path of this.#store.list(storePrefix('aeds', 'expiries'))) {
        const [, , time, jobId] = storePathSegments(path);
        if (jobId === undefined) continue;
        const waitMs = Number(time) - this.#clock.now();
        if (waitMs > 0) {
          this.#setTimer(waitMs);
          return;
        }
        await this.#expire(jobId);
        await this.#store.delete(path, { durability: 'os' });
      }
    } catch (error) {
      if (this.#isClosed()) return;
      this.#logger.error({ error }, 'expired jobs could not be closed; trying again');
      this.#setTimer(retryMs);
    }
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #setTimer(waitMs: number): void {
    this.#timer?.[Symbol.dispose]();
    if (this.#isClosed()) return;
    this.#timer = this.#clock.setTimeout(
      () => {
        void this.wake();
      },
      Math.min(waitMs, longestWaitMs),
    );
  }
}

function expiryPath(jobId: string, expiresAt: number): string {
  return storePath('aeds', 'expiries', sequenceSegment(expiresAt), jobId);
}
