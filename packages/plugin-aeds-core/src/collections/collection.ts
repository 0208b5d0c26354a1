import {
  type BackingStoreOperation,
  BoundedCache,
  type BoundedCacheStatistics,
  type Durability,
  type IPersistentBackingStore,
  KeyedMutex,
  type KeyedMutexStatistics,
  Listeners,
  storePath,
  storePathSegments,
  storePrefix,
} from '@datawarehouse/sdk';
import type { z } from 'zod';
import { decodeRecord, encodeRecord } from './record-codec.js';

/** How large a collection's cache may be. */
export interface CollectionLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Values under which a record is found, by the name of the index. */
export type CollectionIndexes<T> = Readonly<Record<string, (value: T) => readonly string[]>>;

/** What a collection is made of. */
export interface CollectionOptions<T> {
  /** Segment of the store path, and of the metric keys. */
  readonly name: string;
  readonly store: IPersistentBackingStore;
  /** Checks what is read. */
  readonly schema: z.ZodType<T>;
  /** Default: none, so that records are found by id alone. */
  readonly indexes?: CollectionIndexes<T>;
}

/** How a change is written. */
export interface CollectionWriteOptions<T> {
  /** Other changes that hold if, and only if, this one does. */
  readonly operations?: (next: T) => readonly BackingStoreOperation[];
  readonly durability?: Durability;
}

/** A record that was stored. */
export interface CollectionWrite<T> {
  readonly before: T | undefined;
  readonly after: T;
}

/** Where a listing starts, and how much of it is wanted. */
export interface CollectionPage {
  /** Last id of the page before. */
  readonly after?: string;
  readonly limit: number;
  /** Descending order. */
  readonly reverse?: boolean;
}

/** An index, and the value that is looked for in it. */
export interface CollectionLookup {
  readonly index: string;
  readonly value: string;
}

/** What a collection holds in memory and has done. */
export type CollectionStatistics = BoundedCacheStatistics & KeyedMutexStatistics;

interface CachedRecord<T> {
  readonly value: T;
  readonly bytes: number;
}

/**
 * Records of one kind. The store is the record of them all; memory holds the ones used last.
 *
 * Each record has its own lock, which the changing operations take and give back themselves.
 */
export class Collection<T extends object> implements AsyncDisposable {
  readonly name: string;
  readonly #store: IPersistentBackingStore;
  readonly #schema: z.ZodType<T>;
  readonly #indexes: readonly (readonly [string, (value: T) => readonly string[]])[];
  readonly #cache: BoundedCache<string, CachedRecord<T>>;
  readonly #locks = new KeyedMutex();
  readonly #writes = new Listeners<CollectionWrite<T>>('onDidWrite');

  constructor(options: CollectionOptions<T>) {
    this.name = options.name;
    this.#store = options.store;
    this.#schema = options.schema;
    this.#indexes = Object.entries(options.indexes ?? {});
    this.#cache = new BoundedCache<string, CachedRecord<T>>({
      sizeOf: ({ bytes }) => bytes,
      loader: (id) => this.#read(id),
    });
  }

  async get(id: string): Promise<T | undefined> {
    return (await this.#cache.load(id))?.value;
  }

  /** Adds a record; `false` where there is one of this id already. */
  create(id: string, value: T, options: CollectionWriteOptions<T> = {}): Promise<boolean> {
    return this.#locks.run(id, async () => {
      if ((await this.get(id)) !== undefined) return false;
      await this.#write(id, undefined, value, options);
      return true;
    });
  }

  /**
   * Changes a record under its lock.
   *
   * @param change - Returns the next record, or the same one to change nothing.
   * @returns What is stored then; `undefined` where there is no such record.
   */
  update(
    id: string,
    change: (current: T) => T,
    options: CollectionWriteOptions<T> = {},
  ): Promise<T | undefined> {
    return this.#locks.run(id, async () => {
      const current = await this.get(id);
      if (current === undefined) return undefined;
      const next = change(current);
      if (next !== current) await this.#write(id, current, next, options);
      return next;
    });
  }

  /** What adds a record as part of another collection's change. Only for new ids. */
  stage(id: string, value: T): readonly BackingStoreOperation[] {
    const path = storePath('aeds', this.name, id);
    return [
      { type: 'write', path, data: encodeRecord(value) },
      ...this.#indexChanges(id, undefined, value),
    ];
  }

  /** One page of the stored records, by id. */
  async list(page: CollectionPage): Promise<readonly T[]> {
    const { after, ...rest } = page;
    const records: T[] = [];
    const scan = this.#store.scan(storePrefix('aeds', this.name), {
      ...rest,
      ...(after !== undefined && { after: storePath('aeds', this.name, after) }),
    });
    for await (const { path, data } of scan) records.push(decodeRecord(this.#schema, path, data));
    return records;
  }

  /**
   * One page of the records that an index has under a value, by id. Costs what it returns.
   *
   * A record that changes meanwhile may be as it is after that.
   */
  async listBy({ index, value }: CollectionLookup, page: CollectionPage): Promise<readonly T[]> {
    const { after, ...rest } = page;
    const records: T[] = [];
    const entries = this.#store.list(storePrefix('aeds', 'index', this.name, index, value), {
      ...rest,
      ...(after !== undefined && { after: this.#indexPath(index, value, after) }),
    });
    for await (const path of entries) {
      const record = await this.get(storePathSegments(path).at(-1) ?? '');
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  /** All stored records, by id, a page at a time. */
  async *all(pageSize = 500): AsyncGenerator<T> {
    for await (const { path, data } of this.#pages(pageSize))
      yield decodeRecord(this.#schema, path, data);
  }

  /** Listens to what is stored by create and update, until disposed. */
  onDidWrite(listener: (write: CollectionWrite<T>) => void): Disposable {
    return this.#writes.add(listener);
  }

  reconfigure(limits: CollectionLimits): void {
    this.#cache.reconfigure(limits);
  }

  statistics(): CollectionStatistics {
    return { ...this.#cache.statistics(), ...this.#locks.statistics() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cache.close();
  }

  async *#pages(limit: number): AsyncGenerator<{ path: string; data: Uint8Array }> {
    const prefix = storePrefix('aeds', this.name);
    let after: string | undefined;
    for (;;) {
      let count = 0;
      const options = { limit, ...(after !== undefined && { after }) };
      for await (const entry of this.#store.scan(prefix, options)) {
        count += 1;
        after = entry.path;
        yield entry;
      }
      if (count < limit) return;
    }
  }

  /** Entries of the indexes that a change makes and removes. */
  #indexChanges(id: string, before: T | undefined, after: T): readonly BackingStoreOperation[] {
    return this.#indexes.flatMap(([index, valuesOf]): BackingStoreOperation[] => {
      const [old, fresh] = [before === undefined ? [] : valuesOf(before), valuesOf(after)];
      const path = (value: string): string => this.#indexPath(index, value, id);
      return [
        ...old
          .filter((value) => !fresh.includes(value))
          .map((value) => ({ type: 'delete', path: path(value) }) as const),
        ...fresh
          .filter((value) => !old.includes(value))
          .map((value) => ({ type: 'write', path: path(value), data: new Uint8Array(0) }) as const),
      ];
    });
  }

  #indexPath(index: string, value: string, id: string): string {
    return storePath('aeds', 'index', this.name, index, value, id);
  }

  async #write(
    id: string,
    before: T | undefined,
    value: T,
    options: CollectionWriteOptions<T>,
  ): Promise<void> {
    const data = encodeRecord(value);
    const path = storePath('aeds', this.name, id);
    const { operations, durability } = options;
    await this.#store.batch(
      [
        { type: 'write', path, data },
        ...this.#indexChanges(id, before, value),
        ...(operations?.(value) ?? []),
      ],
      durability === undefined ? {} : { durability },
    );
    this.#cache.set(id, { value, bytes: data.byteLength });
    this.#writes.emit({ before, after: value });
  }

  async #read(id: string): Promise<CachedRecord<T> | undefined> {
    const path = storePath('aeds', this.name, id);
    const data = await this.#store.read(path);
    return data && { value: decodeRecord(this.#schema, path, data), bytes: data.byteLength };
  }
}
