import type {
  BackingStoreOperation,
  Clock,
  ContentStore,
  IPersistentBackingStore,
  StagedContent,
  WriteAheadLog,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { AppendGate } from '../queue/append-gate.js';
import { encodeEvent } from '../queue/replication-event.js';
import type { ReplicationStrategy } from '../strategies/replication-strategy.js';
import type { HybridClock } from './hybrid-clock.js';
import { objectPath } from './object-name.js';
import type { ObjectRecord } from './object-record.js';
import type { ObjectTable } from './object-table.js';

/** What an {@link ObjectWriter} works with. */
export interface ObjectWriterOptions {
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly log: WriteAheadLog;
  readonly table: ObjectTable;
  readonly versions: HybridClock;
  readonly gate: AppendGate;
  readonly clock: Clock;
}

/** One change of an object on this node. */
export interface LocalChange {
  readonly namespace: string;
  readonly key: string;
  readonly strategy: ReplicationStrategy;
  /** New content; absent for a deletion, which needs an object that is there. */
  readonly staged?: StagedContent | undefined;
  readonly contentType?: string | undefined;
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
   * @throws {@link DwError} `DW_REPLICATION_NOT_FOUND`, `DW_SCALING_OVERLOADED`, `DW_LOG_FULL`.
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
    const current = await this.#current(path, change);
    const record = this.#record(change, current);
    await this.#options.store.batch(this.#operations(path, change, current, record));
    return { record };
  }

  async #writeLogged(path: string, change: LocalChange): Promise<Required<WrittenChange>> {
    const current = await this.#current(path, change);
    // From here to the append nothing waits, so the log has versions in the order they were issued.
    const record = this.#record(change, current);
    const operations = this.#operations(path, change, current, record);
    const { sequence } = await this.#options.log.append(encodeEvent(record), { operations });
    return { record, sequence };
  }

  async #current(path: string, change: LocalChange): Promise<ObjectRecord | undefined> {
    change.signal?.throwIfAborted();
    const current = await this.#options.table.readForChange(path);
    if (change.staged === undefined && current?.payload === undefined) {
      throw replicationError('DW_REPLICATION_NOT_FOUND', {
        details: { namespace: change.namespace, key: change.key },
      });
    }
    return current;
  }

  #record(change: LocalChange, current: ObjectRecord | undefined): ObjectRecord {
    const { namespace, key, staged, contentType, strategy } = change;
    return {
      namespace,
      key,
      version: this.#options.versions.next(current?.version),
      basedOn: current?.version,
      payload: staged?.reference,
      contentType,
      updatedAtMs: this.#options.clock.now(),
      strategy: strategy.name,
    };
  }

  #operations(
    path: string,
    { staged }: LocalChange,
    current: ObjectRecord | undefined,
    record: ObjectRecord,
  ): readonly BackingStoreOperation[] {
    const { content, table, versions } = this.#options;
    return [
      ...replacePayload(content, path, current, staged),
      table.write(record),
      table.clockOperation(versions.last),
    ];
  }
}

/** Moves an object's hold from its old content to the new one. */
export function replacePayload(
  content: ContentStore,
  path: string,
  current: ObjectRecord | undefined,
  staged: StagedContent | undefined,
): readonly BackingStoreOperation[] {
  const old = current?.payload;
  const isSame = old !== undefined && old.digest === staged?.reference.digest;
  return [
    ...(old === undefined || isSame ? [] : content.release(old, path)),
    ...(staged?.operations ?? []),
  ];
}
