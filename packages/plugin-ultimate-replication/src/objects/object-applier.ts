import { setMaxListeners } from 'node:events';
import {
  type BackingStoreOperation,
  type ConcurrencyLimit,
  type ContentStore,
  contentError,
  DwError,
  type IPersistentBackingStore,
  type StagedContent,
} from '@datawarehouse/sdk';
import { relateVersions } from '../conflict/version-relation.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import type { HybridClock } from './hybrid-clock.js';
import { type ObjectRecord, recordPath } from './object-record.js';
import type { ObjectTable } from './object-table.js';
import { compareVersions } from './object-version.js';
import { replacePayload } from './object-writer.js';
import type { PayloadSource } from './payload-source.js';

/** What an {@link ObjectApplier} works with. */
export interface ObjectApplierOptions {
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly table: ObjectTable;
  readonly versions: HybridClock;
  readonly concurrency: ConcurrencyLimit;
  readonly counters: ReplicationCounters;
  /** Largest content that is taken over. */
  readonly maxObjectBytes: number;
}

/** A version that cannot be applied, now or ever, for a reason that lies in itself. */
export interface RefusedRecord {
  readonly record: ObjectRecord;
  readonly error: DwError;
}

/** Versions of another node. */
export interface RemoteBatch {
  readonly records: readonly ObjectRecord[];
  /** Where their content is fetched that is not here. */
  readonly source: PayloadSource;
  readonly signal?: AbortSignal | undefined;
  /** Further changes for the same durable batch, such as the position in the other node's log. */
  readonly operations?: (
    refused: readonly RefusedRecord[],
  ) => Promise<readonly BackingStoreOperation[]>;
}

/** What became of a {@link RemoteBatch}. */
export interface ApplyOutcome {
  /** Objects that have a new version here. */
  readonly changedCount: number;
  readonly conflictCount: number;
  readonly refused: readonly RefusedRecord[];
}

interface Candidate {
  readonly path: string;
  readonly record: ObjectRecord;
  readonly staged?: StagedContent | undefined;
}

/** Codes for which asking again would not help. */
const refusals: ReadonlySet<string> = new Set([
  'DW_REPLICATION_CLOCK_DRIFT',
  'DW_REPLICATION_PAYLOAD_MISSING',
  'DW_CONTENT_MISMATCH',
  'DW_CONTENT_TOO_LARGE',
  'DW_CONTENT_BAD_REFERENCE',
]);

const maxSubstitutes = 3;

/** Applies versions of other nodes: the latest wins, on every node and in any order. */
export class ObjectApplier {
  readonly #options: ObjectApplierOptions;

  constructor(options: ObjectApplierOptions) {
    this.#options = options;
  }

  /** Fetches what is missing, then applies all of the batch that is newer, durably and at once. */
  async apply(batch: RemoteBatch): Promise<ApplyOutcome> {
    // Every fetch of the batch listens to the one signal.
    if (batch.signal !== undefined) setMaxListeners(0, batch.signal);
    const refused: RefusedRecord[] = [];
    const candidates = await this.#stageAll(byObject(batch.records), batch, refused);
    try {
      const extra = (await batch.operations?.(refused)) ?? [];
      const paths = candidates.map(({ path }) => path);
      const done = await this.#options.table.lock(paths, () => this.#commit(candidates, extra));
      this.#options.counters.appliedEvents += batch.records.length - refused.length;
      return { ...done, refused };
    } finally {
      disposeAll(candidates);
    }
  }

  async #stageAll(
    objects: readonly (readonly ObjectRecord[])[],
    batch: RemoteBatch,
    refused: RefusedRecord[],
  ): Promise<readonly Candidate[]> {
    const { concurrency } = this.#options;
    const stage = async (versions: readonly ObjectRecord[]): Promise<Candidate | undefined> => {
      for (const record of versions) {
        try {
          return await concurrency.run(() => this.#stage(record, batch, 0), {
            signal: batch.signal,
          });
        } catch (error) {
          if (!DwError.is(error) || !refusals.has(error.code)) throw error;
          refused.push({ record, error });
        }
      }
      return undefined;
    };
    const settled = await Promise.allSettled(objects.map(stage));
    const candidates = settled.flatMap((result) =>
      result.status === 'fulfilled' && result.value !== undefined ? [result.value] : [],
    );
    const failure = settled.find((result) => result.status === 'rejected');
    if (failure === undefined) return candidates;
    disposeAll(candidates);
    throw failure.reason;
  }

  /** Gets the content of a version here, unless the version would lose anyway. */
  async #stage(record: ObjectRecord, batch: RemoteBatch, substitutes: number): Promise<Candidate> {
    const { content, table, versions, maxObjectBytes } = this.#options;
    versions.observe(record.version);
    const path = recordPath(record);
    const { payload } = record;
    if (payload === undefined) return { path, record };
    // The list of its chunks comes from the same node, and is as long as the size says.
    if (payload.sizeBytes > maxObjectBytes) {
      throw contentError('DW_CONTENT_TOO_LARGE', {
        details: { sizeBytes: payload.sizeBytes, maxBytes: maxObjectBytes },
      });
    }
    const current = await table.readForChange(path);
    if (current !== undefined && compareVersions(record.version, current.version) <= 0) {
      return { path, record };
    }
    try {
      const digests = await batch.source.chunkDigests(payload, batch.signal);
      const staged = await content.assemble(payload, digests, batch.source.chunks, {
        owner: path,
        ...(batch.signal && { signal: batch.signal }),
      });
      return { path, record, staged };
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_PAYLOAD_MISSING')) throw error;
      // The other node may have overwritten the object since, and let its old content go.
      const newer = await batch.source.current(record, batch.signal);
      const isNewer = newer !== undefined && compareVersions(newer.version, record.version) > 0;
      if (!isNewer || substitutes === maxSubstitutes) throw error;
      return this.#stage(newer, batch, substitutes + 1);
    }
  }

  async #commit(
    candidates: readonly Candidate[],
    extra: readonly BackingStoreOperation[],
  ): Promise<Omit<ApplyOutcome, 'refused'>> {
    const { store, content, table, versions, counters } = this.#options;
    const operations: BackingStoreOperation[] = [];
    let changedCount = 0;
    let conflictCount = 0;
    for (const { path, record, staged } of candidates) {
      const current = await table.readForChange(path);
      const relation = relateVersions(current, record);
      if (relation.isConflict) conflictCount += 1;
      if (relation.isCompared) {
        counters.comparisons += 1;
        counters.shortCircuitedComparisons += 1;
      }
      const hasContent = record.payload === undefined || staged !== undefined;
      if (relation.order !== 'newer' || !hasContent) continue;
      operations.push(...replacePayload(content, path, current, staged), table.write(record));
      changedCount += 1;
    }
    if (changedCount > 0) operations.push(table.clockOperation(versions.last));
    operations.push(...extra);
    if (operations.length > 0) await store.batch(operations);
    counters.conflictsDetected += conflictCount;
    counters.conflictsResolved += conflictCount;
    return { changedCount, conflictCount };
  }
}

/** The versions of each object, latest first: an earlier one counts only where that is refused. */
function byObject(records: readonly ObjectRecord[]): readonly (readonly ObjectRecord[])[] {
  const objects = new Map<string, ObjectRecord[]>();
  for (const record of records) {
    const path = recordPath(record);
    const versions = objects.get(path);
    if (versions === undefined) objects.set(path, [record]);
    else versions.push(record);
  }
  return [...objects.values()].map((versions) =>
    versions.sort((a, b) => compareVersions(b.version, a.version)),
  );
}

function disposeAll(candidates: readonly Candidate[]): void {
  for (const { staged } of candidates) staged?.[Symbol.dispose]();
}
