import type { JobSlot, ReadyJob } from './job-slot.js';
import { SlotHeap } from './slot-heap.js';

/** Pages that one partition fetches at a time. */
const maxLoads = 32;

/** What a {@link JobPartition} needs from its scheduler. */
export interface JobPartitionOptions {
  /** Jobs that may run at a time; asked anew for each. */
  readonly maxRunning: () => number;
  /** Runs a job to its end. Never rejects. */
  readonly run: (ready: ReadyJob) => Promise<void>;
  /** Fetches a slot's next page. Never rejects. */
  readonly load: (slot: JobSlot) => Promise<void>;
  /** Told after that; wakes the partition that has the slot then. */
  readonly onLoaded: (slot: JobSlot) => void;
}

/**
 * Some of the slots, and the worker that takes up their jobs, the most urgent first. It sleeps until
 * it is told that something has changed.
 */
export class JobPartition {
  readonly #options: JobPartitionOptions;
  readonly #slots: readonly JobSlot[];
  readonly #heap = new SlotHeap();
  #runningCount: number;
  #loadCount = 0;
  #isStopped = false;

  constructor(slots: readonly JobSlot[], options: JobPartitionOptions) {
    this.#slots = slots;
    this.#options = options;
    this.#runningCount = slots.reduce((sum, slot) => sum + slot.runningCount, 0);
    for (const slot of slots) this.#heap.update(slot);
  }

  /** Jobs that may run and do not yet. */
  get queueDepth(): number {
    return this.#slots.reduce((sum, slot) => sum + Math.max(0, slot.readyCount), 0);
  }

  /** Notes that the next job of a slot may be another. */
  update(slot: JobSlot): void {
    this.#heap.update(slot);
  }

  /** Takes up what may run now. */
  wake(): void {
    while (!this.#isStopped && this.#runningCount < this.#options.maxRunning()) {
      const next = this.#heap.first;
      if (next === undefined) return;
      if (!next.isLoaded) {
        this.#fetch(next);
        return;
      }
      this.#start(next);
    }
  }

  /** Frees the place of a job of one of its slots. */
  finished(slot: JobSlot): void {
    slot.runningCount -= 1;
    this.#runningCount -= 1;
    this.wake();
  }

  /** Takes up no more; what runs goes on. */
  stop(): void {
    this.#isStopped = true;
  }

  #start(slot: JobSlot): void {
    const ready = slot.take();
    if (ready === undefined) return;
    slot.runningCount += 1;
    this.#runningCount += 1;
    void this.#options.run(ready);
  }

  /** Fetches the page that is needed, and others that will be. */
  #fetch(needed: JobSlot): void {
    const others = this.#heap.slots.filter((slot) => slot !== needed && !slot.isLoaded);
    for (const slot of [needed, ...others]) {
      if (this.#loadCount >= maxLoads) return;
      if (slot.isLoading) continue;
      this.#loadCount += 1;
      void this.#options.load(slot).then(() => {
        this.#loadCount -= 1;
        this.#options.onLoaded(slot);
      });
    }
  }
}
