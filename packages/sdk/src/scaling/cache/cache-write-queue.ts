import { Backoff } from '../../concurrency/backoff.js';
import { Listeners } from '../../concurrency/listeners.js';
import { scalingError } from '../../errors/scaling-errors.js';
import { CacheBacklog, type CacheBacklogOptions } from './cache-backlog.js';
import type { PendingChange } from './cache-change.js';
import { type CacheStoreWriter, MAX_BATCH_CHANGES } from './cache-store-writer.js';
import { untilAborted } from './until-aborted.js';

const firstRetryMs = 100;
const maxRetryMs = 5_000;

/** How often closing tries to write what waits. */
const closingAttempts = 5;

/** Most keys that an error names. */
const maxNamedKeys = 100;

/** Changes that an attempt could not bring to the store. They are kept and tried again. */
export interface CacheWriteFailure<K> {
  /** Keys concerned; none where it was `clear()`. */
  readonly keys: readonly K[];
  /** What the store rejected with. */
  readonly error: unknown;
}

/** Brings a backlog to a store: a batch at a time, and again until the store has it. */
export class CacheWriteQueue<K, V> {
  readonly backlog: CacheBacklog<K, V>;
  readonly #writer: CacheStoreWriter;
  readonly #failures = new Listeners<CacheWriteFailure<K>>('onDidFailWrite');
  readonly #newBackoff: () => Backoff;
  readonly #backoff: Backoff;
  #wait = new AbortController();
  #isRunning = false;

  /** @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`. */
  constructor(writer: CacheStoreWriter, options: Omit<CacheBacklogOptions, 'onWork'>) {
    const { clock } = options;
    this.#writer = writer;
    this.#newBackoff = () => new Backoff({ firstMs: firstRetryMs, maxMs: maxRetryMs, clock });
    this.#backoff = this.#newBackoff();
    this.backlog = new CacheBacklog({ ...options, onWork: () => this.#start() });
  }

  /**
   * Resolves when the store has the newest change of a key. An abort ends the wait, not the write.
   *
   * @throws {@link DwError} `DW_CACHE_WRITE_FAILED`; `signal.reason`.
   */
  stored(key: K, name: string, signal: AbortSignal | undefined): Promise<void> {
    const stored = new Promise<void>((resolve, reject) => {
      this.backlog.await(key, (error) => {
        if (error === undefined) resolve();
        else reject(writeFailed(new Map([[name, error]])));
      });
    });
    return untilAborted(stored, signal);
  }

  /** Tries at once to write all that waits. @throws `DW_CACHE_WRITE_FAILED`. */
  async flush(): Promise<void> {
    const failed = new Map<string, unknown>();
    const outcomes: Promise<void>[] = [];
    this.backlog.awaitAll((name) => {
      let waiter: (error?: unknown) => void = () => undefined;
      const outcome = new Promise<void>((resolve) => {
        waiter = (error) => {
          if (error !== undefined) failed.set(name, error);
          resolve();
        };
      });
      outcomes.push(outcome);
      return waiter;
    });
    await Promise.all(outcomes);
    if (failed.size > 0) throw writeFailed(failed);
  }

  /** Refuses what waits for room, and writes the rest. @throws `DW_CACHE_WRITE_FAILED`. */
  async close(refusal: Error): Promise<void> {
    this.backlog.refuse(refusal);
    const backoff = this.#newBackoff();
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await this.flush();
          return;
        } catch (error) {
          if (attempt === closingAttempts) throw error;
        }
        await backoff.wait();
      }
    } finally {
      this.backlog.drop();
      this.#failures.clear();
      this.#wait.abort();
    }
  }

  onDidFailWrite(listener: (failure: CacheWriteFailure<K>) => void): Disposable {
    return this.#failures.add(listener);
  }

  #start(): void {
    if (this.backlog.isAwaited) this.#wait.abort();
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    // What is set within one turn goes into one batch.
    await Promise.resolve();
    while (!this.backlog.isEmpty) {
      const { clearing } = this.backlog;
      const isStored = await (clearing === undefined ? this.#write() : this.#clear());
      if (isStored) this.#backoff.reset();
      else if (!this.backlog.isAwaited) await this.#sleep();
    }
    this.#isRunning = false;
  }

  async #write(): Promise<boolean> {
    const failedKeys: K[] = [];
    let lastError: unknown;
    await this.#writer.write<PendingChange<K, V>>(this.backlog.takeBatch(MAX_BATCH_CHANGES), {
      onStored: (changes) => {
        this.backlog.stored(changes);
        this.#backoff.reset();
      },
      onFailed: (changes, error) => {
        for (const { change } of changes) failedKeys.push(change.key);
        lastError = error;
        this.backlog.failed(changes, error);
      },
    });
    if (failedKeys.length === 0) return true;
    this.#failures.emit({ keys: failedKeys, error: lastError });
    return false;
  }

  async #clear(): Promise<boolean> {
    try {
      await this.#writer.clear();
      this.backlog.cleared();
      return true;
    } catch (error) {
      this.backlog.clearing?.settle(error);
      this.#failures.emit({ keys: [], error });
      return false;
    }
  }

  /** Waits before another attempt, unless somebody waits for the outcome. */
  async #sleep(): Promise<void> {
    this.#wait = new AbortController();
    await this.#backoff.wait({ signal: this.#wait.signal }).catch(() => undefined);
  }
}

function writeFailed(failed: ReadonlyMap<string, unknown>): Error {
  const errors = [...new Set(failed.values())];
  const [first] = errors;
  return scalingError('DW_CACHE_WRITE_FAILED', {
    cause: errors.length === 1 ? first : new AggregateError(errors),
    details: { keys: [...failed.keys()].slice(0, maxNamedKeys), keyCount: failed.size },
  });
}
