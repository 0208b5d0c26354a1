import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DwError, storeError } from '@datawarehouse/sdk';
import { ClassicLevel, type Iterator, type IteratorOptions } from 'classic-level';
import { levelError } from './level-errors.js';
import { ValueMemory } from './value-memory.js';

type Database = ClassicLevel<string, Buffer>;

/** A LevelDB iterator over encoded keys and values. */
export type LevelIterator = Iterator<Database, Buffer, Buffer>;

/** Bounds of an iteration. */
export type LevelRange = Pick<
  IteratorOptions<Buffer, Buffer>,
  'gt' | 'gte' | 'lt' | 'limit' | 'reverse' | 'values'
>;

/** One change. */
export interface LevelChange {
  readonly path: string;
  /** What is stored, behind a checksum; `undefined` deletes. */
  readonly data: Uint8Array | undefined;
}

/**
 * Up to so many changes are given to LevelDB in one call: that frees its copy of them as soon as it
 * is written. Building up a batch is faster for many, but leaves the copy to the garbage collector.
 */
const maxChangesOfOneCall = 16;

const largestWriteBufferBytes = 16 * 1024 * 1024;
const smallestWriteBufferBytes = 1024 * 1024;
/** A log grows to the size of the write buffer, and opening anew needs that much room. */
const writeBufferRatio = 1 / 16;
const cacheBytes = 32 * 1024 * 1024;
const pageBytes = 256 * 1024;
/** What opening needs beside the tables that it makes out of the logs. */
const spareBytes = 1024 * 1024;

/**
 * A LevelDB that is opened anew after a failed write.
 *
 * A write that fails half-way leaves a torn record in LevelDB's log, and recovery stops there: what
 * is appended behind it would be lost at the next crash, although it was acknowledged. Opening
 * anew replays the log up to the torn record and begins another one.
 */
export class LevelDatabase {
  readonly #database: Database;
  readonly #directory: string;
  readonly #values = new ValueMemory();
  #mayBeTorn = false;
  #reopening: Promise<void> | undefined;

  private constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
  }

  /** Rejects with LevelDB's own error: the caller knows who may hold the lock. */
  static async open(directory: string): Promise<LevelDatabase> {
    const { blocks, bsize } = await statfs(directory);
    const writeBufferBytes = Math.min(
      largestWriteBufferBytes,
      Math.max(smallestWriteBufferBytes, Math.floor(blocks * bsize * writeBufferRatio)),
    );
    const database: Database = new ClassicLevel(directory, {
      keyEncoding: 'utf8',
      valueEncoding: 'buffer',
      writeBufferSize: writeBufferBytes,
      cacheSize: cacheBytes,
    });
    await database.open();
    return new LevelDatabase(database, directory);
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    await this.#readable();
    return this.#run('read', () => this.#database.get(path), { path });
  }

  async has(path: string): Promise<boolean> {
    await this.#readable();
    return this.#run('read', () => this.#database.has(path), { path });
  }

  /** Whether each of the paths is there: one turn of a thread for all of them. */
  async hasMany(paths: readonly string[]): Promise<readonly boolean[]> {
    await this.#readable();
    return this.#run('read', () => this.#database.hasMany([...paths]));
  }

  /** Applies all changes or none. */
  async write(changes: readonly LevelChange[], options: { readonly sync: boolean }): Promise<void> {
    if (this.#mayBeTorn || this.#reopening !== undefined) await this.#reopen();
    try {
      await this.#writeOnce(changes, options);
    } catch (error) {
      if (!DwError.is(error, 'DW_STORE_FULL')) throw error;
      // LevelDB goes on saying so after a compaction had no room, also when there is some again.
      await this.#reopen();
      await this.#writeOnce(changes, options);
    }
  }

  async #writeOnce(
    changes: readonly LevelChange[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    const { sync } = options;
    const isFew = changes.length <= maxChangesOfOneCall;
    try {
      await (isFew ? this.#writeFew(changes, sync) : this.#writeMany(changes, sync));
    } catch (error) {
      this.#mayBeTorn = true;
      throw levelError(error, 'write');
    }
  }

  #writeFew(changes: readonly LevelChange[], sync: boolean): Promise<void> {
    this.#values.reuse();
    const operations = changes.map(({ path, data }) =>
      data === undefined
        ? { type: 'del' as const, key: path }
        : { type: 'put' as const, key: path, value: this.#values.encode(path, data) },
    );
    return this.#database.batch(operations, { sync });
  }

  #writeMany(changes: readonly LevelChange[], sync: boolean): Promise<void> {
    const batch = this.#database.batch();
    for (const { path, data } of changes) {
      this.#values.reuse();
      if (data === undefined) batch.del(path);
      else batch.put(path, this.#values.encode(path, data));
    }
    return batch.write({ sync });
  }

  async iterator(range: LevelRange): Promise<LevelIterator> {
    await this.#readable();
    return this.#database.iterator<Buffer, Buffer>({
      ...range,
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      highWaterMarkBytes: pageBytes,
    });
  }

  /** Removes all keys that start with `prefix`. Writes nothing where there are none. */
  async clear(prefix: string): Promise<void> {
    await this.#run('clear', async () => {
      const range = { gte: prefix, lt: `${prefix}\u{10ffff}` };
      const first = await this.#database.keys({ ...range, limit: 1 }).all();
      if (first.length > 0) await this.#database.clear(range);
    });
  }

  async close(): Promise<void> {
    await this.#run('close', () => this.#database.close());
  }

  async #readable(): Promise<void> {
    if (this.#database.status !== 'open') await this.#reopen();
  }

  #reopen(): Promise<void> {
    this.#reopening ??= this.#openAnew().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #openAnew(): Promise<void> {
    await this.#run('open again', async () => {
      // Without room it would close and not open again, and reads would fail as well.
      const { bavail, bsize } = await statfs(this.#directory);
      const neededBytes = (await logBytes(this.#directory)) + spareBytes;
      if (bavail * bsize < neededBytes) {
        throw storeError('DW_STORE_FULL', { details: { neededBytes } });
      }
      await this.#database.close();
      await this.#database.open();
    });
    this.#mayBeTorn = false;
  }

  async #run<T>(
    what: string,
    work: () => Promise<T>,
    details?: Readonly<Record<string, unknown>>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw levelError(error, what, details);
    }
  }
}

async function logBytes(directory: string): Promise<number> {
  let sizeBytes = 0;
  for (const name of await readdir(directory)) {
    if (name.endsWith('.log')) sizeBytes += (await stat(join(directory, name))).size;
  }
  return sizeBytes;
}
