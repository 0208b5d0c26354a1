import { PriorityQueue } from './priority-queue.js';

/** A job that waits for its partition's worker. */
export interface WaitingJob {
  readonly jobId: string;
  /** Its place among what waits; given back when the worker takes it. */
  readonly place: Disposable;
}

/** One queue and its one worker, which sleeps until a job comes. */
export class JobPartition {
  readonly #queue = new PriorityQueue<WaitingJob>();
  #wake: (() => void) | undefined;

  get queueDepth(): number {
    return this.#queue.size;
  }

  push(job: WaitingJob, score: number): void {
    this.#queue.push(job, score);
    this.#wake?.();
  }

  /**
   * Works until stopped, one job at a time; what waits then stays in the store.
   *
   * @param work - Never rejects.
   */
  async run(work: (jobId: string) => Promise<void>, stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const job = this.#queue.pop();
      if (job === undefined) {
        await this.#nextPush(stopping);
        continue;
      }
      job.place[Symbol.dispose]();
      await work(job.jobId);
    }
    for (let job = this.#queue.pop(); job !== undefined; job = this.#queue.pop()) {
      job.place[Symbol.dispose]();
    }
  }

  #nextPush(stopping: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        stopping.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      stopping.addEventListener('abort', wake, { once: true });
      this.#wake = wake;
    });
  }
}
