import type { ContentStore } from '@datawarehouse/sdk';
import type { ObjectRecord } from '../objects/object-record.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import type { Conflict } from './conflict-entry.js';
import { isSameVersion, knew, replaces } from './version-merge.js';

/** What versions that are merged into an object's state do to it. */
export interface MergeStep {
  readonly before: readonly ObjectRecord[];
  readonly arriving: readonly ObjectRecord[];
  /** The two, merged. */
  readonly after: readonly ObjectRecord[];
}

/** What a {@link ConflictDetector} found. */
export interface ConflictFindings {
  /** Concurrent versions of which one is gone for being the earlier. */
  readonly discarded: readonly Conflict[];
  /** Versions that arrived and stand beside others with other content. */
  readonly besideCount: number;
  /** Versions that stood beside one another and were replaced together, but for one. */
  readonly settledCount: number;
}

/** Finds versions that were written in ignorance of one another, with different content. */
export class ConflictDetector {
  readonly #content: ContentStore;
  readonly #counters: ReplicationCounters;

  constructor(content: ContentStore, counters: ReplicationCounters) {
    this.#content = content;
    this.#counters = counters;
  }

  async find({ before, arriving, after }: MergeStep): Promise<ConflictFindings> {
    const isAfter = (record: ObjectRecord) => after.some((kept) => isSameVersion(kept, record));
    const isBefore = (record: ObjectRecord) => before.some((old) => isSameVersion(old, record));
    const added = arriving.filter((record) => !isBefore(record));
    const all = [...before, ...added];
    const discarded: Conflict[] = [];
    for (const loser of all) {
      if (isAfter(loser) || all.some((other) => knew(other, loser))) continue;
      const winner = after.find((kept) => replaces(kept, loser));
      if (winner === undefined || (await this.#isEqual(winner, loser))) continue;
      discarded.push({ loser, winner, isHere: isBefore(loser) });
    }
    let besideCount = 0;
    for (const record of added.filter(isAfter)) {
      for (const other of after) {
        if (isSameVersion(other, record) || (await this.#isEqual(other, record))) continue;
        besideCount += 1;
        break;
      }
    }
    const isDiscarded = (old: ObjectRecord) => discarded.some(({ loser }) => loser === old);
    const replaced = before.filter((old) => !isAfter(old) && !isDiscarded(old));
    return { discarded, besideCount, settledCount: Math.max(0, replaced.length - 1) };
  }

  /** Contents are compared by what is known of them; nothing is fetched for it. */
  async #isEqual(a: ObjectRecord, b: ObjectRecord): Promise<boolean> {
    if (a.payload === undefined || b.payload === undefined) return a.payload === b.payload;
    const { isEqual, decidedBy } = await this.#content.compare(a.payload, b.payload);
    this.#counters.comparisons += 1;
    if (decidedBy === 'rootDigests') this.#counters.shortCircuitedComparisons += 1;
    return isEqual;
  }
}
