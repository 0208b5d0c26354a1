import type { BackingStoreOperation, Clock, IPersistentBackingStore } from '@datawarehouse/sdk';
import { encodeRecord } from '../collections/record-codec.js';
import { workPaths } from './job-paths.js';
import { type OwnedJob, OwnedJobs } from './owned-jobs.js';

const maxBatchOperations = 4_000;
const maxBatchBytes = 4 * 1024 * 1024;

/** One move of a job, as it is written. */
export interface JobWrite {
  readonly operations: readonly BackingStoreOperation[];
  /** The attempt that begins. */
  readonly begins?: OwnedJob;
  /** The job that does not run any more, where it did. */
  readonly leaves?: { readonly jobId: string; readonly slot: number };
  /** The job whose end is noted, so that it is removed some time. */
  readonly ended?: string;
}

interface Waiting {
  readonly write: JobWrite;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes the moves of all partitions: those of one turn of the event loop, and all that come while
 * the batch before is on its way, in one batch. What they have in common is written once for all.
 */
export class JobWriter {
  readonly owned = new OwnedJobs();
  readonly #store: IPersistentBackingStore;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #endedSequence = 0;

  constructor(store: IPersistentBackingStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Resolves when the move is on the disk. Moves are written in order of call. */
  write(write: JobWrite): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** Resolves when nothing waits. */
  async drained(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      await this.#writeGroup(this.#takeGroup());
    }
    this.#writing = undefined;
  }

  #takeGroup(): readonly Waiting[] {
    let [count, operations, bytes] = [0, 0, 0];
    for (const { write } of this.#waiting) {
      if (operations >= maxBatchOperations || bytes >= maxBatchBytes) break;
      count += 1;
      operations += write.operations.length;
      for (const operation of write.operations) {
        if (operation.type === 'write') bytes += operation.data.byteLength;
      }
    }
    const group = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return group;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const operations: BackingStoreOperation[] = [];
    const ended: string[] = [];
    const left: OwnedJob[] = [];
    for (const { write } of group) {
      for (const operation of write.operations) operations.push(operation);
      if (write.ended !== undefined) ended.push(write.ended);
      if (write.begins !== undefined) this.owned.add(write.begins);
      if (write.leaves === undefined) continue;
      const job = this.owned.remove(write.leaves.jobId, write.leaves.slot);
      if (job !== undefined) left.push(job);
    }
    for (const operation of this.owned.takeChanges()) operations.push(operation);
    if (ended.length > 0) operations.push(this.#endedEntry(ended));
    try {
      if (operations.length > 0) await this.#store.batch(operations);
    } catch (error) {
      // What is stored stays as it was; the next batch says so too, whatever became of this one.
      for (const { begins } of group.map(({ write }) => write)) {
        if (begins !== undefined) this.owned.remove(begins.jobId, begins.slot);
      }
      for (const job of left) this.owned.add(job);
      for (const { reject } of group) reject(error);
      return;
    }
    for (const { resolve } of group) resolve();
  }

  #endedEntry(jobIds: readonly string[]): BackingStoreOperation {
    const path = workPaths.ended(this.#clock.now(), this.#endedSequence++, jobIds[0] ?? '');
    return { type: 'write', path, data: encodeRecord(jobIds) };
  }
}
