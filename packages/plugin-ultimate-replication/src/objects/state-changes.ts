import type { BackingStoreOperation, ContentStore, StagedContent } from '@datawarehouse/sdk';
import type {
  ConflictDetector,
  ConflictFindings,
  MergeStep,
} from '../conflict/conflict-detector.js';
import type { ConflictEntry } from '../conflict/conflict-entry.js';
import type { ConflictLog } from '../conflict/conflict-log.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import type { ObjectRecord } from './object-record.js';
import type { ObjectState } from './object-state.js';
import type { ObjectTable } from './object-table.js';

/** What a {@link StateChanges} works with. */
export interface StateChangesOptions {
  readonly content: ContentStore;
  readonly table: ObjectTable;
  readonly detector: ConflictDetector;
  readonly conflicts: ConflictLog;
  readonly counters: ReplicationCounters;
}

/** A change of an object's state that is to be made. */
export interface StateChange {
  readonly path: string;
  readonly before: readonly ObjectRecord[];
  readonly after: ObjectState;
  readonly staged: readonly StagedContent[];
  readonly findings: ConflictFindings;
}

/** A change as operations of a batch. */
export interface PlannedChange {
  readonly operations: readonly BackingStoreOperation[];
  readonly entries: readonly ConflictEntry[];
  readonly findings: ConflictFindings;
}

/** Makes the operations that take an object from one state to the next, conflicts among them. */
export class StateChanges {
  readonly #options: StateChangesOptions;

  constructor(options: StateChangesOptions) {
    this.#options = options;
  }

  /** Finds the conflicts of a merge, but for those that the conflict log has already. */
  async examine(step: MergeStep): Promise<ConflictFindings> {
    const { detector, conflicts } = this.#options;
    const findings = await detector.find(step);
    return { ...findings, discarded: await conflicts.unknown(findings.discarded) };
  }

  /** Plans a change. {@link noteDone} it when its batch is durable. */
  plan({ path, before, after, staged, findings }: StateChange): PlannedChange {
    const { content, table, conflicts } = this.#options;
    const entries = conflicts.entriesOf(findings.discarded, 'latestWins');
    const operations = [
      ...conflicts.operations(entries),
      ...payloadChanges(content, path, before, after, staged),
      table.write(after, before),
    ];
    return { operations, entries, findings };
  }

  /** The changes that keep what was discarded on arrival, where the state stays as it is. */
  planDiscards(findings: ConflictFindings): PlannedChange {
    const { conflicts } = this.#options;
    const entries = conflicts.entriesOf(findings.discarded, 'latestWins');
    return { operations: conflicts.operations(entries), entries, findings };
  }

  /** Counts what a durable batch has done. @returns Conflicts among it. */
  async noteDone(planned: readonly PlannedChange[]): Promise<number> {
    const { conflicts, counters } = this.#options;
    let detectedCount = 0;
    for (const { entries, findings } of planned) {
      detectedCount += entries.length + findings.besideCount;
      counters.conflictsResolved += entries.length + findings.settledCount;
    }
    counters.conflictsDetected += detectedCount;
    await conflicts.noteStored(planned.flatMap(({ entries }) => entries));
    return detectedCount;
  }
}

/** Moves an object's holds from the contents of its old versions to those of the new ones. */
function payloadChanges(
  content: ContentStore,
  path: string,
  before: readonly ObjectRecord[],
  after: readonly ObjectRecord[],
  staged: readonly StagedContent[],
): readonly BackingStoreOperation[] {
  const kept = new Set(after.map(({ payload }) => payload?.digest));
  const old = new Map(
    before.flatMap(({ payload }) => (payload ? [[payload.digest, payload]] : [])),
  );
  const gone = [...old.values()].filter(({ digest }) => !kept.has(digest));
  const taken = staged.filter(({ reference }) => kept.has(reference.digest));
  return [
    ...gone.flatMap((payload) => content.release(payload, path)),
    ...taken.flatMap(({ operations }) => operations),
  ];
}
