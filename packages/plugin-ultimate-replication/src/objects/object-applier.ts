import { setMaxListeners } from 'node:events';
import type {
  BackingStoreOperation,
  ConcurrencyLimit,
  ContentStore,
  IPersistentBackingStore,
  StagedContent,
} from '@datawarehouse/sdk';
import { mergeVersions } from '../conflict/version-merge.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { type Arrival, ArrivalStager } from './arrival-stager.js';
import type { HybridClock } from './hybrid-clock.js';
import { type ObjectRecord, recordPath } from './object-record.js';
import type { ObjectTable } from './object-table.js';
import type { RefusedRecord, RemoteBatch } from './remote-batch.js';
import type { PlannedChange, StateChanges } from './state-changes.js';

/** What an {@link ObjectApplier} works with. */
export interface ObjectApplierOptions {
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly table: ObjectTable;
  readonly changes: StateChanges;
  readonly versions: HybridClock;
  readonly concurrency: ConcurrencyLimit;
  readonly counters: ReplicationCounters;
  /** Settles an object whose versions stand beside one another, if this node is to. */
  readonly settle: (path: string) => Promise<void>;
  /** Largest content that is taken over. */
  readonly maxObjectBytes: number;
}

/** What became of a {@link RemoteBatch}. */
export interface ApplyOutcome {
  /** Objects that have a new version here. */
  readonly changedCount: number;
  readonly conflictCount: number;
  readonly refused: readonly RefusedRecord[];
}

/** Merges versions of other nodes into what is here: in any order, and however often they come. */
export class ObjectApplier {
  readonly #options: ObjectApplierOptions;

  constructor(options: ObjectApplierOptions) {
    this.#options = options;
  }

  /** Fetches what is missing, then applies all of the batch that is new, durably and at once. */
  async apply(batch: RemoteBatch): Promise<ApplyOutcome> {
    // Every fetch of the batch listens to the one signal.
    if (batch.signal !== undefined) setMaxListeners(0, batch.signal);
    const refused: RefusedRecord[] = [];
    const arrivals = await this.#stageAll(byObject(batch.records), batch, refused);
    try {
      const extra = (await batch.operations?.(refused)) ?? [];
      const paths = arrivals.map(({ path }) => path);
      const done = await this.#options.table.lock(paths, () => this.#commit(arrivals, extra));
      this.#options.counters.appliedEvents += batch.records.length - refused.length;
      for (const path of done.beside) await this.#options.settle(path);
      const { changedCount, conflictCount } = done;
      return { changedCount, conflictCount, refused };
    } finally {
      disposeAll(arrivals);
    }
  }

  async #stageAll(
    objects: ReadonlyMap<string, readonly ObjectRecord[]>,
    batch: RemoteBatch,
    refused: RefusedRecord[],
  ): Promise<readonly Arrival[]> {
    const { concurrency, content, table, versions, maxObjectBytes } = this.#options;
    const settled = await Promise.allSettled(
      [...objects].map(async ([path, records]) => {
        const options = { content, table, versions, maxObjectBytes, batch, refused };
        const stager = new ArrivalStager(path, options);
        return concurrency.run(() => stager.stage(records), { signal: batch.signal });
      }),
    );
    const arrivals = settled.flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    const failure = settled.find((result) => result.status === 'rejected');
    if (failure === undefined) return arrivals;
    disposeAll(arrivals);
    throw failure.reason;
  }

  async #commit(
    arrivals: readonly Arrival[],
    extra: readonly BackingStoreOperation[],
  ): Promise<Omit<ApplyOutcome, 'refused'> & { readonly beside: readonly string[] }> {
    const { store, table, versions, changes } = this.#options;
    const planned: PlannedChange[] = [];
    const beside: string[] = [];
    let changedCount = 0;
    for (const { path, records, staged } of arrivals) {
      const before = (await table.readForChange(path)) ?? [];
      const arriving = usable(before, records, staged);
      const after = mergeVersions(before, arriving);
      const findings = await changes.examine({ before, arriving, after });
      const [first, ...others] = after;
      if (first === undefined || isSameState(before, after)) {
        planned.push(changes.planDiscards(findings));
        continue;
      }
      const change = { path, before, after: [first, ...others] as const, staged, findings };
      planned.push(changes.plan(change));
      changedCount += 1;
      if (others.length > 0) beside.push(path);
    }
    const operations = planned.flatMap((plan) => plan.operations);
    if (changedCount > 0) operations.push(table.clockOperation(versions.last));
    operations.push(...extra);
    if (operations.length > 0) await store.batch(operations);
    return { changedCount, conflictCount: await changes.noteDone(planned), beside };
  }
}

function byObject(records: readonly ObjectRecord[]): ReadonlyMap<string, readonly ObjectRecord[]> {
  const objects = new Map<string, ObjectRecord[]>();
  for (const record of records) {
    const path = recordPath(record);
    const versions = objects.get(path);
    if (versions === undefined) objects.set(path, [record]);
    else versions.push(record);
  }
  return objects;
}

/**
 * Leaves out what would stay but has no content here. That happens where the record that it was to
 * lose against turned out damaged since; the version comes again with the next exchange.
 */
function usable(
  before: readonly ObjectRecord[],
  arriving: readonly ObjectRecord[],
  staged: readonly StagedContent[],
): readonly ObjectRecord[] {
  const here = new Set([
    ...staged.map(({ reference }) => reference.digest),
    ...before.flatMap(({ payload }) => payload?.digest ?? []),
  ]);
  const after = mergeVersions(before, arriving);
  const lacking = after.find(({ payload }) => payload !== undefined && !here.has(payload.digest));
  if (lacking === undefined) return arriving;
  return usable(
    before,
    arriving.filter((record) => record !== lacking),
    staged,
  );
}

function isSameState(a: readonly ObjectRecord[], b: readonly ObjectRecord[]): boolean {
  if (a.length !== b.length) return false;
  return b.every((record) => a.includes(record));
}

function disposeAll(arrivals: readonly Arrival[]): void {
  for (const { staged } of arrivals) for (const one of staged) one[Symbol.dispose]();
}
