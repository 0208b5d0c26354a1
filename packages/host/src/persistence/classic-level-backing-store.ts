import {
  assertStorePath,
  type BackingStoreCallOptions,
  type BackingStoreCapabilities,
  type BackingStoreEntry,
  type BackingStoreListOptions,
  type BackingStoreOperation,
  type BackingStoreWriteOptions,
  DwError,
  type IPersistentBackingStore,
  storeError,
} from '@datawarehouse/sdk';
import { DamageGuard } from './damage-guard.js';
import { type GroupCommitStatistics, GroupCommitWriter } from './group-commit-writer.js';
import { type LevelChange, LevelDatabase, type LevelIterator } from './level-database.js';
import { isLocked, levelError } from './level-errors.js';
import { listRange } from './list-range.js';
import { recoverStore } from './recovery/recover-store.js';
import type { StoreFinding, StoreRecovery } from './recovery/store-recovery.js';
import { lockedError, StoreLock } from './store-lock.js';
import { decodeStoredValue } from './stored-value.js';

/** Options of {@link ClassicLevelBackingStore.open}. */
export interface ClassicLevelBackingStoreOptions {
  /** Folder of the database; made where it is missing. */
  readonly directory: string;
  /**
   * Most bytes of tables whose checksums are verified on opening, 1 to 3 s a GiB.
   * @defaultValue 4 GiB
   */
  readonly maxVerifiedBytes?: number;
  /** Told of every finding of {@link ClassicLevelBackingStore.recovery}. */
  readonly onFinding?: (finding: StoreFinding) => void;
}

const defaultVerifiedBytes = 4 * 1024 ** 3;
const firstPage = 16;
const largestPage = 1_024;

interface Parts {
  readonly lock: StoreLock;
  readonly database: LevelDatabase;
  readonly guard: DamageGuard;
  readonly recovery: StoreRecovery;
}

/**
 * The backing store on LevelDB: one writer, group commits, a checksum with every value.
 *
 * A listing shows the store as it was at the first step of the iteration, whatever is written
 * meanwhile. Opening verifies the files and tells in {@link recovery} what was wrong with them.
 */
export class ClassicLevelBackingStore implements IPersistentBackingStore {
  readonly capabilities: BackingStoreCapabilities = Object.freeze({
    durability: 'disk',
    hasSnapshotListings: true,
  });
  /** What opening found wrong with the files, and did about it. */
  readonly recovery: StoreRecovery;
  readonly #lock: StoreLock;
  readonly #database: LevelDatabase;
  readonly #guard: DamageGuard;
  readonly #writer: GroupCommitWriter;
  readonly #reading = new Set<Promise<unknown>>();
  readonly #iterators = new Set<LevelIterator>();
  #closing: Promise<void> | undefined;

  private constructor({ lock, database, guard, recovery }: Parts) {
    this.recovery = recovery;
    this.#lock = lock;
    this.#database = database;
    this.#guard = guard;
    this.#writer = new GroupCommitWriter((changes, options) =>
      database.write(guard.healing(changes), options),
    );
  }

  /**
   * Opens the database, or makes a new one.
   *
   * @throws DwError `DW_STORE_LOCKED`, `DW_STORE_CORRUPT`, `DW_STORE_FULL`, `DW_STORE_IO`.
   */
  static async open(options: ClassicLevelBackingStoreOptions): Promise<ClassicLevelBackingStore> {
    const { directory, maxVerifiedBytes = defaultVerifiedBytes, onFinding } = options;
    try {
      const lock = await StoreLock.acquire(directory);
      try {
        const { recovery, ranges } = await recoverStore({ directory, maxVerifiedBytes });
        for (const finding of recovery.findings) onFinding?.(finding);
        const database = await LevelDatabase.open(directory);
        const guard = await DamageGuard.open(ranges, database).catch(async (error: unknown) => {
          await database.close();
          throw error;
        });
        return new ClassicLevelBackingStore({ lock, database, guard, recovery });
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (error) {
      if (!DwError.is(error) && isLocked(error)) throw await lockedError(directory, error);
      throw levelError(error, `open ${directory}`, { directory });
    }
  }

  async read(path: string, options?: BackingStoreCallOptions): Promise<Uint8Array | undefined> {
    this.#assertUsable(path, options);
    const value = await this.#track(this.#readTrusted(path));
    options?.signal?.throwIfAborted();
    return value && decodeStoredValue(path, value);
  }

  async exists(path: string, options?: BackingStoreCallOptions): Promise<boolean> {
    this.#assertUsable(path, options);
    const exists = await this.#track(this.#database.has(path));
    options?.signal?.throwIfAborted();
    return exists;
  }

  async existsMany(
    paths: readonly string[],
    options?: BackingStoreCallOptions,
  ): Promise<readonly boolean[]> {
    this.#assertOpen(options);
    for (const path of paths) assertStorePath(path);
    if (paths.length === 0) return [];
    const exist = await this.#track(this.#database.hasMany(paths));
    options?.signal?.throwIfAborted();
    return exist;
  }

  write(path: string, data: Uint8Array, options?: BackingStoreWriteOptions): Promise<void> {
    return this.batch([{ type: 'write', path, data }], options);
  }

  delete(path: string, options?: BackingStoreWriteOptions): Promise<void> {
    return this.batch([{ type: 'delete', path }], options);
  }

  async batch(
    operations: readonly BackingStoreOperation[],
    options: BackingStoreWriteOptions = {},
  ): Promise<void> {
    const { signal, durability = 'disk' } = options;
    this.#assertOpen(options);
    for (const { path } of operations) assertStorePath(path);
    if (operations.length === 0) return;
    const changes = operations.map(toChange);
    await this.#writer.submit(changes, { sync: durability === 'disk', signal });
  }

  async *list(prefix: string, options?: BackingStoreListOptions): AsyncGenerator<string> {
    for await (const [path] of this.#iterate(prefix, { ...options, values: false })) yield path;
  }

  async *scan(
    prefix: string,
    options?: BackingStoreListOptions,
  ): AsyncGenerator<BackingStoreEntry> {
    for await (const [path, value] of this.#iterate(prefix, { ...options, values: true })) {
      const data = decodeStoredValue(path, value);
      await this.#track(this.#guard.assertTrusted(path));
      this.#assertOpen(options);
      yield { path, data };
    }
  }

  /** How calls were grouped so far. */
  statistics(): GroupCommitStatistics {
    return this.#writer.statistics();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #readTrusted(path: string): Promise<Uint8Array | undefined> {
    const value = await this.#database.get(path);
    await this.#guard.assertTrusted(path);
    return value;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#writer.drain(), ...this.#reading]);
    for (const iterator of this.#iterators) await iterator.close();
    try {
      await this.#database.close();
    } finally {
      await this.#lock.release();
    }
  }

  async *#iterate(
    prefix: string,
    options: BackingStoreListOptions & { readonly values: boolean },
  ): AsyncGenerator<readonly [string, Buffer]> {
    const range = listRange(prefix, options);
    this.#assertUsable(prefix, options);
    const iterator = await this.#track(
      this.#database.iterator({ ...range, values: options.values }),
    );
    this.#iterators.add(iterator);
    try {
      for (let size = firstPage; ; size = Math.min(2 * size, largestPage)) {
        const page = await this.#track(this.#nextPage(iterator, size));
        if (page.length === 0) return;
        for (const [key, value] of page) {
          this.#assertOpen(options);
          yield [key.toString('utf8'), value];
        }
      }
    } finally {
      this.#iterators.delete(iterator);
      await iterator.close();
    }
  }

  async #nextPage(iterator: LevelIterator, size: number): Promise<[Buffer, Buffer][]> {
    try {
      return await iterator.nextv(size);
    } catch (error) {
      this.#assertOpen();
      throw levelError(error, 'list');
    }
  }

  async #track<T>(call: Promise<T>): Promise<T> {
    this.#reading.add(call);
    try {
      return await call;
    } finally {
      this.#reading.delete(call);
    }
  }

  #assertUsable(path: string, options: BackingStoreCallOptions | undefined): void {
    this.#assertOpen(options);
    assertStorePath(path);
  }

  #assertOpen(options?: BackingStoreCallOptions): void {
    options?.signal?.throwIfAborted();
    if (this.#closing !== undefined) throw storeError('DW_STORE_CLOSED');
  }
}

function toChange(operation: BackingStoreOperation): LevelChange {
  const { path } = operation;
  return { path, data: operation.type === 'delete' ? undefined : operation.data };
}
