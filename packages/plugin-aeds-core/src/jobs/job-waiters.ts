import type { StoredJob } from './stored-job.js';

/** Wakes whoever waits for the end of a job. */
export class JobWaiters {
  readonly #waiting = new Map<string, Set<(job: StoredJob) => void>>();

  ended(job: StoredJob): void {
    const waiting = this.#waiting.get(job.jobId);
    if (waiting === undefined) return;
    this.#waiting.delete(job.jobId);
    for (const resolve of waiting) resolve(job);
  }

  /**
   * Waits for the end of a job.
   *
   * @param look - Looks whether it has ended already.
   * @throws `signal.reason` when aborted.
   */
  async wait(
    jobId: string,
    look: () => Promise<StoredJob | undefined>,
    signal?: AbortSignal,
  ): Promise<StoredJob> {
    signal?.throwIfAborted();
    let resolve: (job: StoredJob) => void = () => undefined;
    let stop: () => void = () => undefined;
    const end = new Promise<StoredJob>((onEnd, onAbort) => {
      resolve = onEnd;
      stop = () => {
        onAbort(signal?.reason as Error);
      };
    });
    // Before looking, so that no end falls between.
    const waiting = this.#waiting.get(jobId) ?? new Set();
    this.#waiting.set(jobId, waiting.add(resolve));
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const ended = await look();
      return ended ?? (await end);
    } finally {
      signal?.removeEventListener('abort', stop);
      waiting.delete(resolve);
      if (waiting.size === 0 && this.#waiting.get(jobId) === waiting) this.#waiting.delete(jobId);
      end.catch(() => undefined);
    }
  }
}
