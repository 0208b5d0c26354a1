import {
  Backoff,
  type Clock,
  type IPersistentBackingStore,
  type Logger,
  storePathSegments,
} from '@datawarehouse/sdk';
import { JobPartition } from './job-partition.js';
import { readyPositionOf, workPrefixes } from './job-paths.js';
import { JobSlot, type ReadyJob } from './job-slot.js';
import { SLOT_COUNT, type StoredJob, slotOf } from './stored-job.js';

/** Jobs that are read at once on starting; where there are more, slots fetch theirs by themselves. */
const firstPageLength = 2_048;
const retryDelay = { firstMs: 50, maxMs: 5_000 };

export interface JobSchedulerOptions {
  readonly store: IPersistentBackingStore;
  readonly partitionCount: number;
  /** Jobs that may run at a time, in all partitions. */
  readonly maxConcurrent: () => number;
  /** Runs a job to its end. Never rejects. */
  readonly run: (ready: ReadyJob, onHandled: () => void) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Decides what runs when. Keys belong to slots for ever, slots to partitions until their number
 * changes: a slot moves with all that waits and runs in it, so nothing is lost or overtakes.
 */
export class JobScheduler {
  readonly #options: JobSchedulerOptions;
  readonly #slots: readonly JobSlot[];
  /** Jobs that were running before; they still have their entries among those that wait. */
  #owned: ReadonlySet<string> = new Set();
  #runningCount = 0;
  #onDrained: (() => void) | undefined;
  /** Jobs that were given to be run and have not begun. */
  readonly #taken = new Map<string, { readonly isStale: boolean }>();
  #partitions: readonly JobPartition[] = [];
  #isStarted = false;
  #isHeld = false;
  #isStopped = false;

  constructor(options: JobSchedulerOptions) {
    this.#options = options;
    const onChanged = (slot: JobSlot): void => {
      this.#partitionOf(slot).update(slot);
    };
    this.#slots = Array.from(
      { length: SLOT_COUNT },
      (_, index) => new JobSlot(index, options.store, onChanged),
    );
    this.setPartitionCount(options.partitionCount);
  }

  get partitionCount(): number {
    return this.#partitions.length;
  }

  /** Jobs that may run and do not yet, by partition. */
  get queueDepths(): readonly number[] {
    return this.#partitions.map(({ queueDepth }) => queueDepth);
  }

  /** Deals the slots out anew. */
  setPartitionCount(count: number): void {
    if (!Number.isInteger(count) || count < 1 || count > SLOT_COUNT) {
      throw new TypeError(`Partitions are 1 to ${SLOT_COUNT}: ${count}`);
    }
    for (const partition of this.#partitions) partition.stop();
    const options = {
      maxRunning: () => this.#maxRunning(count),
      run: (ready: ReadyJob) => this.#run(ready),
      load: (slot: JobSlot) => this.#load(slot),
      onLoaded: (slot: JobSlot) => {
        this.#partitionOf(slot).wake();
      },
    };
    this.#partitions = Array.from({ length: count }, (_, index) => {
      const slots = this.#slots.filter((slot) => slot.index % count === index);
      return new JobPartition(slots, options);
    });
    this.wake();
  }

  /**
   * Finds what an earlier run left, before anything is added. Where that is much, slots fetch it a
   * page at a time, and it is counted meanwhile.
   *
   * @param owned - Jobs that were running; they go first.
   * @param onCounted - Told of each job that waits.
   */
  async recover(
    owned: readonly ReadyJob[],
    onCounted: () => void,
  ): Promise<{ readonly counting: Promise<void> }> {
    for (const ready of owned) this.#slot(ready.slot).addOwned(ready);
    this.#owned = new Set(owned.map(({ jobId }) => jobId));
    const paths = this.#options.store.list(workPrefixes.ready)[Symbol.asyncIterator]();
    const page: ReadyJob[] = [];
    let next = await paths.next();
    for (; next.done !== true && page.length < firstPageLength; next = await paths.next()) {
      const ready = readyPositionOf(storePathSegments(next.value));
      if (!this.#owned.has(ready.jobId)) page.push(ready);
    }
    if (next.done === true) {
      for (const slot of this.#slots) slot.assumeLoaded();
      for (const ready of page) this.#slot(ready.slot).arrived(ready);
    }
    for (const { slot } of page) {
      if (next.done !== true) this.#slot(slot).readyCount += 1;
      onCounted();
    }
    return { counting: this.#count(next, paths, onCounted) };
  }

  /** Begins to take up jobs. */
  start(): void {
    this.#isStarted = true;
    this.wake();
  }

  /** Lets no job begin, until released. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.wake();
  }

  /** Lets no job begin any more. */
  stop(): void {
    this.#isStopped = true;
    for (const partition of this.#partitions) partition.stop();
  }

  /** Resolves when nothing runs. */
  async drained(): Promise<void> {
    if (this.#runningCount === 0) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  /** Takes up what may run now, as after more may run at a time. */
  wake(): void {
    for (const partition of this.#partitions) partition.wake();
  }

  /** To be called before the entry of a job in the index of ready jobs is written. */
  arriving(job: StoredJob): void {
    this.#slot(slotOf(job)).arriving(job.jobId);
  }

  /** To be called when it is written. */
  arrived(job: StoredJob, isKept: boolean): void {
    const slot = this.#slot(slotOf(job));
    const { jobId, score, sequence } = job;
    slot.arrived({ jobId, score, sequence, slot: slot.index, ...(isKept && { job }) });
    this.#partitionOf(slot).wake();
  }

  /** To be called when nobody knows whether it was written. */
  lost(job: StoredJob): void {
    const slot = this.#slot(slotOf(job));
    slot.lost(job.jobId);
    this.#partitionOf(slot).wake();
  }

  /** To be called when a job that waited, or was to be run again, may not run any more. */
  withdraw(job: Pick<StoredJob, 'jobId' | 'key'>): void {
    if (this.#taken.has(job.jobId)) this.#taken.set(job.jobId, { isStale: true });
    else this.#slot(slotOf(job)).remove(job.jobId);
  }

  /** Takes {@link withdraw} back. */
  restore(job: StoredJob): void {
    const slot = this.#slot(slotOf(job));
    // What runs again at once after a crash is only one of those that wait then.
    if (job.state === 'waiting') slot.lost(job.jobId);
    this.#partitionOf(slot).wake();
  }

  /**
   * To be called when a job that was given to `run` is about to begin.
   *
   * @returns Whether it still may.
   */
  begin({ jobId }: ReadyJob): boolean {
    const taken = this.#taken.get(jobId);
    this.#taken.delete(jobId);
    return taken?.isStale !== true;
  }

  /** To be called when such a job turned out not to be ready any more; its entry was out of date. */
  wasGone(ready: ReadyJob): void {
    if (ready.owned === undefined) this.#slot(ready.slot).readyCount += 1;
  }

  /** Puts back a job that was given to `run` and could not begin. */
  putBack(ready: ReadyJob): void {
    this.#taken.delete(ready.jobId);
    this.#slot(ready.slot).putBack(ready);
  }

  #maxRunning(partitionCount: number): number {
    if (!this.#isStarted || this.#isHeld || this.#isStopped) return 0;
    return Math.max(1, Math.ceil(this.#options.maxConcurrent() / partitionCount));
  }

  async #run(ready: ReadyJob): Promise<void> {
    this.#taken.set(ready.jobId, { isStale: false });
    this.#runningCount += 1;
    await this.#options.run(ready, () => {
      const slot = this.#slot(ready.slot);
      this.#partitionOf(slot).finished(slot);
    });
    this.#runningCount -= 1;
    if (this.#runningCount === 0) this.#onDrained?.();
  }

  async #load(slot: JobSlot): Promise<void> {
    const { clock, logger } = this.#options;
    const backoff = new Backoff({ ...retryDelay, clock });
    while (!this.#isStopped) {
      try {
        await slot.load();
        return;
      } catch (error) {
        logger.error({ error, slot: slot.index }, 'waiting jobs could not be read; trying again');
        await backoff.wait();
      }
    }
  }

  async #count(
    first: IteratorResult<string, unknown>,
    paths: AsyncIterator<string>,
    onCounted: () => void,
  ): Promise<void> {
    for (let next = first; next.done !== true; next = await paths.next()) {
      if (this.#isStopped) {
        await paths.return?.();
        return;
      }
      const { slot, jobId } = readyPositionOf(storePathSegments(next.value));
      if (this.#owned.has(jobId)) continue;
      this.#slot(slot).readyCount += 1;
      onCounted();
    }
  }

  #slot(index: number): JobSlot {
    const slot = this.#slots[index];
    if (slot === undefined) throw new TypeError(`No such slot: ${index}`);
    return slot;
  }

  #partitionOf(slot: JobSlot): JobPartition {
    const partition = this.#partitions[slot.index % this.#partitions.length];
    if (partition === undefined) throw new TypeError('There is at least one partition');
    return partition;
  }
}
