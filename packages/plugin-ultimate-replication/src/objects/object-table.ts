import {
  type BackingStoreOperation,
  DwError,
  type IPersistentBackingStore,
  KeyedMutex,
  type Logger,
  storePath,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { namespacePrefix, objectNameOf, objectPath, objectsPrefix } from './object-name.js';
import type { ObjectRecord } from './object-record.js';
import { decodeState, encodeState, type ObjectState, statePath } from './object-state.js';
import { formatVersion, type ObjectVersion, versionSchema } from './object-version.js';

/** Which objects of a namespace to read. */
export interface RecordRange {
  /** Key behind which to begin. */
  readonly after?: string | undefined;
  readonly prefix?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const clockPath = storePath('replication', 'clock');
const clockSchema = z.object({ v: z.literal(1), version: versionSchema });

// Escaped names never hold a tilde, and all that they hold comes before it.
const lastOfNamespace = '~';

/** Hears of every change of a record. */
export interface RecordObserver {
  /** A change begins; until it has ended the store may have either. */
  readonly began: (path: string) => void;
  /** It is durable, or has failed and may have been done or not: then there is no `change`. */
  readonly ended: (path: string, change: RecordChange | undefined) => void;
  /** What is stored at the path was found damaged. */
  readonly damaged: (path: string) => void;
}

/** The versions of an object before and after a change; none where there is no object. */
export interface RecordChange {
  readonly before: readonly ObjectRecord[];
  readonly after: readonly ObjectRecord[];
}

/** What an {@link ObjectTable} works with. */
export interface ObjectTableOptions {
  readonly store: IPersistentBackingStore;
  readonly logger: Logger;
  readonly counters: ReplicationCounters;
}

/** The states of all objects, deleted ones among them, and the locks to change them under. */
export class ObjectTable {
  readonly #store: IPersistentBackingStore;
  readonly #logger: Logger;
  readonly #counters: ReplicationCounters;
  readonly #locks = new KeyedMutex();
  /** Changes under way, by path; each path is locked. */
  readonly #changes = new Map<string, RecordChange>();
  /** Hears of changes and damage. */
  observer: RecordObserver | undefined;

  constructor({ store, logger, counters }: ObjectTableOptions) {
    this.#store = store;
    this.#logger = logger;
    this.#counters = counters;
  }

  /**
   * Reads the state of an object, a deleted one as well.
   *
   * @throws {@link DwError} `DW_REPLICATION_RECORD_CORRUPT`.
   */
  async read(path: string): Promise<ObjectState | undefined> {
    const data = await this.#store.read(path);
    return data && decodeState(path, data);
  }

  /** Reads a state that is about to be replaced: a damaged one counts as none, and heals so. */
  async readForChange(path: string): Promise<ObjectState | undefined> {
    try {
      const data = await this.#store.read(path);
      return data && this.#decode(path, data);
    } catch (error) {
      if (!DwError.is(error, 'DW_STORE_CORRUPT')) throw error;
      this.#reportDamage(path, error);
      return undefined;
    }
  }

  /** Runs `work` while holding the locks of all `paths`, taken in one order by everybody. */
  lock<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
    const ordered = [...new Set(paths)].sort();
    const take = (index: number): Promise<T> => {
      const path = ordered[index];
      if (path === undefined) return this.#observed(ordered, work);
      return this.#locks.run(path, () => take(index + 1));
    };
    return take(0);
  }

  /** Yields the states of a namespace by ascending path; damaged ones are counted and logged. */
  async *scan(namespace: string, range: RecordRange = {}): AsyncGenerator<ObjectState> {
    const { after, prefix = '', signal } = range;
    const within = prefix === '' ? namespacePrefix(namespace) : objectPath(namespace, prefix);
    yield* this.#scan(
      within,
      after === undefined ? undefined : objectPath(namespace, after),
      signal,
    );
  }

  /** Yields the states of all namespaces as {@link scan} does, from behind a path. */
  scanAll(after?: string, signal?: AbortSignal): AsyncGenerator<ObjectState> {
    return this.#scan(objectsPrefix, after, signal);
  }

  /** Yields the namespaces that have records, by ascending path, without reading the records. */
  async *namespaces(after?: string): AsyncGenerator<string> {
    let from = after === undefined ? undefined : namespacePrefix(after) + lastOfNamespace;
    for (;;) {
      let found: string | undefined;
      const options = { limit: 1, ...(from !== undefined && { after: from }) };
      for await (const path of this.#store.list(objectsPrefix, options)) {
        found = objectNameOf(path).namespace;
      }
      if (found === undefined) return;
      yield found;
      from = namespacePrefix(found) + lastOfNamespace;
    }
  }

  /** The change that stores a state in place of `before`; its path is locked. */
  write(state: ObjectState, before: readonly ObjectRecord[]): BackingStoreOperation {
    const path = statePath(state);
    this.#changes.set(path, { before, after: state });
    this.observer?.began(path);
    return { type: 'write', path, data: encodeState(state) };
  }

  /** Greatest version that was stored with {@link clockOperation}. */
  async lastVersion(): Promise<ObjectVersion | undefined> {
    const data = await this.#store.read(clockPath);
    return data && decodeStored(clockPath, data, clockSchema).version;
  }

  /** The change that keeps the clock's reading, for the batch of every write. */
  clockOperation(last: ObjectVersion): BackingStoreOperation {
    const data = encodeStored({ v: 1, version: formatVersion(last) });
    return { type: 'write', path: clockPath, data };
  }

  /** Runs `work` while `paths` are locked, and tells the observer what became of its changes. */
  async #observed<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
    let isDone = false;
    try {
      const result = await work();
      isDone = true;
      return result;
    } finally {
      for (const path of paths) {
        const change = this.#changes.get(path);
        if (change === undefined) continue;
        this.#changes.delete(path);
        this.observer?.ended(path, isDone ? change : undefined);
      }
    }
  }

  async *#scan(
    within: string,
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ObjectState> {
    let from = after;
    for (;;) {
      const options = { ...(from !== undefined && { after: from }), ...(signal && { signal }) };
      try {
        for await (const { path, data } of this.#store.scan(within, options)) {
          from = path;
          const state = this.#decode(path, data);
          if (state !== undefined) yield state;
        }
        return;
      } catch (error) {
        if (!DwError.is(error, 'DW_STORE_CORRUPT')) throw error;
        let damaged: string | undefined;
        for await (const path of this.#store.list(within, {
          ...options,
          limit: 1,
          ...(from !== undefined && { after: from }),
        }))
          damaged = path;
        if (damaged === undefined) return;
        this.#reportDamage(damaged, error);
        from = damaged;
      }
    }
  }

  #decode(path: string, data: Uint8Array): ObjectState | undefined {
    try {
      return decodeState(path, data);
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_RECORD_CORRUPT')) throw error;
      this.#reportDamage(path, error);
      return undefined;
    }
  }

  #reportDamage(path: string, error: DwError): void {
    this.#counters.damagedRecords += 1;
    this.#logger.error({ error, path }, 'a stored record is damaged');
    this.observer?.damaged(path);
  }
}
