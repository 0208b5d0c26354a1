import type {
  Clock,
  ContentStore,
  IPersistentBackingStore,
  StagedContent,
  WriteAheadLog,
} from '@datawarehouse/sdk';
import { mergeVersions } from '../conflict/version-merge.js';
import { replicationError } from '../errors/replication-errors.js';
import type { AppendGate } from '../queue/append-gate.js';
import { encodeEvent } from '../queue/replication-event.js';
import type { ReplicationStrategy } from '../strategies/replication-strategy.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';
import type { HybridClock } from './hybrid-clock.js';
import { objectPath } from './object-name.js';
import type { ObjectRecord } from './object-record.js';
import { contextOf, type ObjectState } from './object-state.js';
import type { ObjectTable } from './object-table.js';
import { compareVersions, type ObjectVersion } from './object-version.js';
import type { PlannedChange, StateChanges } from './state-changes.js';
import { boundVector, covers, type VersionVector } from './version-vector.js';

/** What an {@link ObjectWriter} works with. */
export interface ObjectWriterOptions {
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly log: WriteAheadLog;
  readonly table: ObjectTable;
  readonly changes: StateChanges;
  readonly versions: HybridClock;
  readonly gate: AppendGate;
  readonly clock: Clock;
  readonly strategies: StrategyRegistry;
  /** Most versions that a write on this node may leave beside one another. */
  readonly maxSiblings: number;
}

/** One change of an object on this node. */
export interface LocalChange {
  readonly namespace: string;
  readonly key: string;
  readonly strategy: ReplicationStrategy;
  /** New content; absent for a deletion, which needs an object that is there. */
  readonly staged?: StagedContent | undefined;
  readonly contentType?: string | undefined;
  /** What the writer has seen of the object. Default: all that this node has. */
  readonly context?: VersionVector | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A change that is durable on this node. */
export interface WrittenChange {
  readonly record: ObjectRecord;
  /** Its place in the log; absent where it never leaves this node. */
  readonly sequence?: number;
}

/** Room that an event is taken to need in memory until it is confirmed, beside its names. */
const eventBytes = 512;

/** Gives changes of this node their version, and makes them durable: one batch each. */
export class ObjectWriter {
  readonly #options: ObjectWriterOptions;

  constructor(options: ObjectWriterOptions) {
    this.#options = options;
  }

  /**
   * Writes a change.
   *
   * @throws {@link DwError} `DW_REPLICATION_NOT_FOUND`, `DW_REPLICATION_TOO_MANY_SIBLINGS`,
   *   `DW_REPLICATION_CLOCK_DRIFT`, `DW_SCALING_OVERLOADED`, `DW_LOG_FULL`.
   */
  async write(change: LocalChange): Promise<WrittenChange> {
    const { gate, table } = this.#options;
    const { namespace, key, signal, strategy } = change;
    const path = objectPath(namespace, key);
    if (strategy.admission === 'thisNodeOnly') {
      return table.lock([path], () => this.#writeHere(path, change));
    }
    const place = await gate.enter(eventBytes + namespace.length + key.length, signal);
    try {
      const written = await table.lock([path], () => this.#writeLogged(path, change));
      gate.hold(place, written.sequence);
      return written;
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
  }

  async #writeHere(path: string, change: LocalChange): Promise<WrittenChange> {
    const { store, changes } = this.#options;
    const { record, planned } = (await this.#prepare(path, change))();
    await store.batch(planned.operations);
    await changes.noteDone([planned]);
    return { record };
  }

  async #writeLogged(path: string, change: LocalChange): Promise<Required<WrittenChange>> {
    const { log, changes } = this.#options;
    const issue = await this.#prepare(path, change);
    // From here to the append nothing waits, so the log has versions in the order they were issued.
    const { record, planned } = issue();
    const { operations } = planned;
    const { sequence } = await log.append(encodeEvent(record), { operations });
    await changes.noteDone([planned]);
    return { record, sequence };
  }

  /** Does all that takes time. What it returns gives the change its version. */
  async #prepare(path: string, change: LocalChange): Promise<() => IssuedChange> {
    const { changes, versions, table } = this.#options;
    const before = (await this.#current(path, change)) ?? [];
    for (const seen of change.context?.values() ?? []) versions.observe(seen);
    // Whatever version it gets will be greater than all that are here.
    const draft = this.#record(change, before, latestOfAll);
    const after = mergeVersions(before, [draft]);
    if (after.length > this.#options.maxSiblings) {
      throw replicationError('DW_REPLICATION_TOO_MANY_SIBLINGS', {
        details: { siblingCount: before.length, maxSiblings: this.#options.maxSiblings },
      });
    }
    const findings = await changes.examine({ before, arriving: [draft], after });
    const others = after.filter((record) => record !== draft);
    return () => {
      const record = this.#record(change, before, versions.next(before[0]?.version));
      const discarded = findings.discarded.map((conflict) => ({ ...conflict, winner: record }));
      const planned = changes.plan({
        ...{ path, before, after: [record, ...others] },
        staged: change.staged === undefined ? [] : [change.staged],
        findings: { ...findings, discarded },
      });
      const operations = [...planned.operations, table.clockOperation(versions.last)];
      return { record, planned: { ...planned, operations } };
    };
  }

  async #current(path: string, change: LocalChange): Promise<ObjectState | undefined> {
    change.signal?.throwIfAborted();
    const current = await this.#options.table.readForChange(path);
    const isThere = current?.some(({ payload }) => payload !== undefined) ?? false;
    if (change.staged === undefined && !isThere) {
      throw replicationError('DW_REPLICATION_NOT_FOUND', {
        details: { namespace: change.namespace, key: change.key },
      });
    }
    return current;
  }

  #record(
    change: LocalChange,
    before: readonly ObjectRecord[],
    version: ObjectVersion,
  ): ObjectRecord {
    const { namespace, key, staged, contentType, strategy } = change;
    const context = change.context ?? contextOf(before);
    const keeps = this.#options.strategies.resolverOf(strategy.name)?.keeps ?? 'latest';
    return {
      namespace,
      key,
      version,
      context: boundVector(context),
      floor: keeps === 'siblings' ? floorOf(before, context) : version,
      payload: staged?.reference,
      contentType,
      updatedAtMs: this.#options.clock.now(),
      strategy: strategy.name,
    };
  }
}

/** The greatest floor among what the writer had seen: a later version replaces no less. */
function floorOf(
  before: readonly ObjectRecord[],
  context: VersionVector,
): ObjectVersion | undefined {
  const floors = before.flatMap(({ floor }) => (floor && covers(context, floor) ? floor : []));
  return floors.sort(compareVersions).at(-1);
}

interface IssuedChange {
  readonly record: ObjectRecord;
  readonly planned: PlannedChange;
}

const latestOfAll: ObjectVersion = {
  physicalMs: Number.MAX_SAFE_INTEGER,
  logical: Number.MAX_SAFE_INTEGER,
  nodeId: '',
};
