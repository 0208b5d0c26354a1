import {
  type BackingStoreOperation,
  type Clock,
  type ContentStore,
  DwError,
  type IPersistentBackingStore,
  KeyedMutex,
  type Logger,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import {
  type Conflict,
  type ConflictEntry,
  conflictIdOf,
  conflictPath,
  conflictsPrefix,
  decodeConflict,
  encodeConflict,
  isConflictId,
} from './conflict-entry.js';

/** What a {@link ConflictLog} works with. */
export interface ConflictLogOptions {
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeId: string;
  /** How long an entry is kept. */
  readonly retentionMs: number;
  /** Most entries; the oldest go. */
  readonly maxEntries: number;
  /** Most bytes of discarded content held; the oldest go, but for the last one. */
  readonly maxHeldBytes: number;
}

/** Which entries to list. */
export interface ConflictPageOptions {
  /** `next` of the page before. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Keeps what lost against a concurrent version: which, against which, by whom, and its content
 * where it was here. Bounded in entries, bytes and time.
 */
export class ConflictLog {
  readonly #options: ConflictLogOptions;
  readonly #trimming = new KeyedMutex();
  /** Called with entries when they are durable. */
  onDidStore: (entries: readonly ConflictEntry[]) => void = () => undefined;
  #entryCount = 0;
  #heldBytes = 0;

  private constructor(options: ConflictLogOptions) {
    this.#options = options;
  }

  static async open(options: ConflictLogOptions): Promise<ConflictLog> {
    const log = new ConflictLog(options);
    for await (const entry of log.#entries()) log.#count(entry, 1);
    return log;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /** Bytes of discarded content that are held. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Leaves out the conflicts that the log has already: a version loses once. */
  async unknown(conflicts: readonly Conflict[]): Promise<readonly Conflict[]> {
    const { store } = this.#options;
    const unknown: Conflict[] = [];
    for (const conflict of conflicts) {
      const path = conflictPath(conflictIdOf(conflict.loser));
      if (!(await store.exists(path))) unknown.push(conflict);
    }
    return unknown;
  }

  /** Makes entries of conflicts that this node decided. */
  entriesOf(conflicts: readonly Conflict[], resolver: string): readonly ConflictEntry[] {
    const { clock, nodeId } = this.#options;
    return conflicts.map(({ loser, winner, isHere }) => ({
      id: conflictIdOf(loser),
      loser,
      winner: winner.version,
      decidedBy: nodeId,
      resolver,
      decidedAtMs: clock.now(),
      isHeld: isHere || loser.payload === undefined,
    }));
  }

  /** The changes that store entries, for the batch that discards their versions. */
  operations(entries: readonly ConflictEntry[]): readonly BackingStoreOperation[] {
    return entries.flatMap((entry) => {
      const path = conflictPath(entry.id);
      const { payload } = entry.loser;
      const isKept = entry.isHeld && payload !== undefined;
      return [
        { type: 'write', path, data: encodeConflict(entry) },
        ...(isKept ? this.#options.content.retain(payload, path) : []),
      ];
    });
  }

  /** Takes note of entries whose batch is durable, and lets the oldest go where they are too many. */
  async noteStored(entries: readonly ConflictEntry[]): Promise<void> {
    for (const entry of entries) this.#count(entry, 1);
    if (entries.length > 0) this.onDidStore(entries);
    await this.#trim(() => this.#isOver());
  }

  /** Lets the entries go whose time is over. */
  async expire(): Promise<void> {
    const { clock, retentionMs } = this.#options;
    const endMs = clock.now() - retentionMs;
    await this.#trim((entry) => entry.decidedAtMs <= endMs, 'all');
  }

  /** Lists entries, those of the latest versions first. */
  async page({ after, limit = 100, signal }: ConflictPageOptions): Promise<{
    readonly conflicts: readonly ConflictEntry[];
    readonly next?: string;
  }> {
    if (after !== undefined && !isConflictId(after)) throw notFound(after);
    const conflicts: ConflictEntry[] = [];
    for await (const entry of this.#entries({ reverse: true, after, signal })) {
      const last = conflicts.at(-1);
      if (conflicts.length === limit && last !== undefined) return { conflicts, next: last.id };
      conflicts.push(entry);
    }
    return { conflicts };
  }

  /**
   * Reads an entry.
   *
   * @throws {@link DwError} `DW_REPLICATION_CONFLICT_NOT_FOUND`, `DW_REPLICATION_RECORD_CORRUPT`.
   */
  async get(id: string): Promise<ConflictEntry> {
    if (!isConflictId(id)) throw notFound(id);
    const data = await this.#options.store.read(conflictPath(id));
    if (data === undefined) throw notFound(id);
    return decodeConflict(conflictPath(id), data);
  }

  /**
   * Reads the content that was discarded; `undefined` where that was a deletion.
   *
   * @throws {@link DwError} as {@link get}, and `DW_REPLICATION_CONFLICT_NOT_HELD`.
   */
  async content(id: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const { loser, isHeld } = await this.get(id);
    if (!isHeld) {
      throw replicationError('DW_REPLICATION_CONFLICT_NOT_HELD', {
        details: { id, writtenBy: loser.version.nodeId },
      });
    }
    return loser.payload && this.#options.content.open(loser.payload);
  }

  #isOver(): boolean {
    const { maxEntries, maxHeldBytes } = this.#options;
    const isTooLong = this.#entryCount > maxEntries;
    return isTooLong || (this.#heldBytes > maxHeldBytes && this.#entryCount > 1);
  }

  /** Removes entries from the oldest on, while `isDue`; with `all`, those behind others as well. */
  async #trim(isDue: (entry: ConflictEntry) => boolean, which?: 'all'): Promise<void> {
    if (which === undefined && !this.#isOver()) return;
    await this.#trimming.run('trim', async () => {
      for await (const entry of this.#entries()) {
        if (isDue(entry)) await this.#remove(entry);
        else if (which === undefined) return;
      }
    });
  }

  async #remove(entry: ConflictEntry): Promise<void> {
    const { store, content } = this.#options;
    const path = conflictPath(entry.id);
    const { payload } = entry.loser;
    const release = entry.isHeld && payload !== undefined ? content.release(payload, path) : [];
    await store.batch([{ type: 'delete', path }, ...release]);
    this.#count(entry, -1);
  }

  #count({ isHeld, loser }: ConflictEntry, sign: 1 | -1): void {
    this.#entryCount += sign;
    if (isHeld) this.#heldBytes += sign * (loser.payload?.sizeBytes ?? 0);
  }

  async *#entries(
    range: ConflictPageOptions & { readonly reverse?: boolean } = {},
  ): AsyncGenerator<ConflictEntry> {
    const { after, reverse = false, signal } = range;
    const options = {
      reverse,
      ...(after !== undefined && { after: conflictPath(after) }),
      ...(signal && { signal }),
    };
    for await (const { path, data } of this.#options.store.scan(conflictsPrefix, options)) {
      try {
        yield decodeConflict(path, data);
      } catch (error) {
        if (!DwError.is(error, 'DW_REPLICATION_RECORD_CORRUPT')) throw error;
        this.#options.logger.error({ error, path }, 'an entry of the conflict log is damaged');
      }
    }
  }
}

function notFound(id: string): Error {
  return replicationError('DW_REPLICATION_CONFLICT_NOT_FOUND', {
    details: { id: id.slice(0, 64) },
  });
}
