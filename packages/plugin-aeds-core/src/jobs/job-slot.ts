import { type IPersistentBackingStore, storePathSegments } from '@datawarehouse/sdk';
import {
  comparePositions,
  type ReadyPosition,
  readyPositionOf,
  workPaths,
  workPrefixes,
} from './job-paths.js';
import type { OwnedJob } from './owned-jobs.js';
import { MAX_SCORE, type StoredJob } from './stored-job.js';
import { without } from './without.js';

/** A job that may run. */
export interface ReadyJob extends ReadyPosition {
  readonly jobId: string;
  readonly slot: number;
  /** The job as it was stored just now; elsewhere it is read when its turn comes. */
  readonly job?: StoredJob;
  /** Was running when the process before this one ended. */
  readonly owned?: OwnedJob;
}

/** Jobs that one slot holds in memory, at most and after it had to be cut. */
const maxEntries = 96;
const pageLength = 48;
/** Jobs of a slot that are held with all their data, so that they need not be read again. */
const maxWhole = 8;
const top = Object.freeze({ jobId: '', score: MAX_SCORE + 1, sequence: -1 });
type Edge = ReadyPosition & { readonly jobId: string };

/**
 * Jobs of one slot that may run, most urgent first: the first of them in memory, the others in the
 * store, from where they come a page at a time.
 */
export class JobSlot {
  readonly index: number;
  readonly #store: IPersistentBackingStore;
  readonly #onChanged: (slot: JobSlot) => void;
  readonly #owned: ReadyJob[] = [];
  #entries: ReadyJob[] = [];
  /** Whatever comes behind it is only in the store. `undefined` where everything is in memory. */
  #edge: Edge | undefined = top;
  /** Jobs whose entry is being written: they come by {@link arrived}, not by a page. */
  readonly #arriving = new Set<string>();
  /** Jobs that came behind the edge while a page is on its way that may not hold them. */
  #late: ReadyJob[] = [];
  #loading: Promise<void> | undefined;
  /** Changes when what a page brings would be out of date. */
  #age = 0;
  /** Jobs of this slot that run now. */
  runningCount = 0;
  /** Jobs of this slot that may run, in memory and in the store. */
  readyCount = 0;

  /** @param onChanged - Told whenever the next job may be another. */
  constructor(index: number, store: IPersistentBackingStore, onChanged: (slot: JobSlot) => void) {
    this.index = index;
    this.#store = store;
    this.#onChanged = onChanged;
  }

  /** Where the next job stands; nothing of this slot stands before it. */
  get head(): ReadyPosition | undefined {
    return this.#owned[0] === undefined ? (this.#entries[0] ?? this.#edge) : top;
  }

  /** Whether the next job is in memory. */
  get isLoaded(): boolean {
    return this.#owned.length + this.#entries.length > 0;
  }

  get isLoading(): boolean {
    return this.#loading !== undefined;
  }

  take(): ReadyJob | undefined {
    const owned = this.#owned.shift();
    const ready = owned ?? this.#entries.shift();
    if (ready !== undefined && owned === undefined) this.readyCount -= 1;
    this.#onChanged(this);
    return ready;
  }

  /** Says that nothing of this slot is in the store that is not in memory. */
  assumeLoaded(): void {
    this.#edge = undefined;
    this.#onChanged(this);
  }

  addOwned(job: ReadyJob): void {
    this.#owned.push(job);
    this.#onChanged(this);
  }

  /** To be called before the entry of a job is written. */
  arriving(jobId: string): void {
    this.#arriving.add(jobId);
  }

  /** To be called when it is written. */
  arrived(ready: ReadyJob): void {
    this.#arriving.delete(ready.jobId);
    this.readyCount += 1;
    this.#insert(this.#entries.length < maxWhole ? ready : without(ready, 'job'));
  }

  /** To be called when nobody knows whether it was written: the store tells. */
  lost(jobId: string): void {
    this.#arriving.delete(jobId);
    this.#age += 1;
    this.#entries = [];
    this.#late = [];
    this.#edge = top;
    this.#onChanged(this);
  }

  /** Puts back a job that was taken and not begun. */
  putBack(ready: ReadyJob): void {
    if (ready.owned !== undefined) {
      this.#owned.unshift(ready);
      this.#onChanged(this);
      return;
    }
    this.readyCount += 1;
    this.#insert(without(ready, 'job'));
  }

  /** Drops a job that may not run any more. */
  remove(jobId: string): void {
    const isOther = (ready: ReadyJob): boolean => ready.jobId !== jobId;
    const at = this.#owned.findIndex((owned) => owned.jobId === jobId);
    if (at >= 0) {
      this.#owned.splice(at, 1);
    } else {
      this.readyCount -= 1;
      this.#entries = this.#entries.filter(isOther);
      this.#late = this.#late.filter(isOther);
    }
    this.#onChanged(this);
  }

  /** Fetches the next page, where there may be one. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const [edge, age] = [this.#edge, this.#age];
    if (edge === undefined) return;
    const limit = edge === top ? 16 : pageLength;
    const after = edge === top ? {} : { after: workPaths.ready(this.index, edge, edge.jobId) };
    const page: ReadyJob[] = [];
    let count = 0;
    let last: Edge | undefined;
    const paths = this.#store.list(workPrefixes.readyOf(this.index), { limit, ...after });
    for await (const path of paths) {
      count += 1;
      const ready = readyPositionOf(storePathSegments(path));
      last = ready;
      page.push(ready);
    }
    if (age !== this.#age) return;
    this.#edge = count < limit ? undefined : last;
    const late = this.#late;
    this.#late = [];
    // The late ones first: they bring the job itself.
    for (const ready of late) this.#insert(ready);
    for (const ready of page) if (!this.#arriving.has(ready.jobId)) this.#insert(ready);
    this.#onChanged(this);
  }

  #insert(ready: ReadyJob): void {
    if (this.#edge !== undefined && comparePositions(ready, this.#edge) > 0) {
      if (this.#loading !== undefined) this.#late.push(ready);
      return;
    }
    // Mostly it comes last.
    let at = this.#entries.length;
    while (at > 0 && comparePositions(this.#entries[at - 1] ?? top, ready) > 0) at -= 1;
    if (this.#entries[at - 1]?.jobId === ready.jobId) return;
    this.#entries.splice(at, 0, ready);
    if (this.#entries.length > maxEntries) {
      this.#entries.length = pageLength;
      this.#edge = this.#entries.at(-1);
    }
    this.#onChanged(this);
  }
}
