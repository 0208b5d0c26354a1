import assert from 'node:assert/strict';
import { existsMany } from '../persistence/exists-many.js';
import type {
  BackingStoreListOptions,
  IPersistentBackingStore,
} from '../persistence/persistent-backing-store.js';

/** Clauses of the store's contract by what they say. */
export type StoreClauses = Readonly<
  Record<string, (store: IPersistentBackingStore) => Promise<void>>
>;

/** A few bytes for a test to store. */
export function bytesOf(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** Compares bytes, whatever kind of array holds them. */
export function assertBytes(
  actual: Uint8Array | undefined,
  expected: Uint8Array,
  message?: string,
): void {
  assert.ok(actual instanceof Uint8Array, message ?? 'nothing is stored');
  assert.equal(actual.byteLength, expected.byteLength, message);
  assert.equal(Buffer.compare(actual, expected), 0, message ?? 'other bytes are stored');
}

/** Asserts that nothing is stored at a path, by each way of asking. */
export async function assertAbsent(store: IPersistentBackingStore, path: string): Promise<void> {
  assert.equal(await store.read(path), undefined, `${path} is stored`);
  assert.equal(await store.exists(path), false, `${path} exists`);
}

/** Everything that a listing yields. */
export async function listed(
  store: IPersistentBackingStore,
  prefix = 'dw://',
  options?: BackingStoreListOptions,
): Promise<readonly string[]> {
  return await collected(store.list(prefix, options));
}

/** The paths that a scan yields. */
export async function scanned(
  store: IPersistentBackingStore,
  prefix = 'dw://',
  options?: BackingStoreListOptions,
): Promise<readonly string[]> {
  return (await collected(store.scan(prefix, options))).map(({ path }) => path);
}

/** Everything that an iteration yields. */
export async function collected<T>(source: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** One way to call a store. */
export type StoreCall = (path: string, signal?: AbortSignal) => Promise<unknown>;

/** Every method that takes a path, by its name. */
export function callsOf(store: IPersistentBackingStore): Readonly<Record<string, StoreCall>> {
  const data = bytesOf(9);
  const options = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
  return {
    read: (path, signal) => store.read(path, options(signal)),
    write: (path, signal) => store.write(path, data, options(signal)),
    delete: (path, signal) => store.delete(path, options(signal)),
    exists: (path, signal) => store.exists(path, options(signal)),
    existsMany: (path, signal) => existsMany(store, ['dw://test/z', path], options(signal)),
    list: (path, signal) => listed(store, path, options(signal)),
    scan: (path, signal) => scanned(store, path, options(signal)),
    batch: (path, signal) => store.batch([{ type: 'write', path, data }], options(signal)),
    'batch of a deletion': (path, signal) =>
      store.batch([{ type: 'delete', path }], options(signal)),
  };
}
