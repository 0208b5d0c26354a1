import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';

/** What a {@link KeyedMutex} has seen. */
export interface KeyedMutexStatistics {
  readonly acquisitions: number;
  /** Acquisitions that had to wait. */
  readonly contentions: number;
  /** Time waited, all together. */
  readonly waitMs: number;
}

/**
 * One lock a key, in order of arrival. A key that nobody holds costs nothing.
 *
 * Locks are taken by passing the work, so none can be forgotten.
 */
@SdkCompatibility('6.0.0')
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();
  #acquisitions = 0;
  #contentions = 0;
  #waitMs = 0;

  /** Runs `work` while holding the lock of `key`, and releases it whatever happens. */
  async run<T>(key: string, work: () => T | Promise<T>): Promise<T> {
    this.#acquisitions += 1;
    const before = this.#tails.get(key);
    let release: () => void = () => undefined;
    const tail = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#tails.set(key, tail);
    try {
      if (before !== undefined) await this.#waitFor(before);
      return await work();
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
      release();
    }
  }

  /** Keys held or waited for now. */
  get size(): number {
    return this.#tails.size;
  }

  statistics(): KeyedMutexStatistics {
    return {
      acquisitions: this.#acquisitions,
      contentions: this.#contentions,
      waitMs: this.#waitMs,
    };
  }

  async #waitFor(before: Promise<void>): Promise<void> {
    this.#contentions += 1;
    const startedAt = performance.now();
    await before;
    this.#waitMs += performance.now() - startedAt;
  }
}
