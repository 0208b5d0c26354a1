import { LinkedAbort } from '@datawarehouse/sdk';
import type { StoredJob } from './stored-job.js';

/** One attempt that runs now. */
export class RunningJob implements Disposable {
  readonly job: StoredJob;
  readonly #abort: LinkedAbort;
  /** Whether its end is decided; what the handler does counts no more. */
  isOver = false;

  constructor(job: StoredJob, stopping: AbortSignal) {
    this.job = job;
    this.#abort = new LinkedAbort(stopping);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends the attempt from outside. */
  abort(reason: unknown): void {
    this.isOver = true;
    this.#abort.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#abort[Symbol.dispose]();
  }
}
