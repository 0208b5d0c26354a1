import assert from 'node:assert/strict';
import { bytesOf, type StoreClauses } from './store-clause.js';

const paths = Array.from({ length: 3_000 }, (_, index) => `dw://n/${10_000 + index}`);

/** What the claim of snapshot listings means. */
export const snapshotClauses: StoreClauses = {
  'list() and scan() show the store as it was at their first step, where it claims so': async (
    store,
  ) => {
    if (store.capabilities.hasSnapshotListings !== true) return;
    await store.batch(paths.map((path) => ({ type: 'write', path, data: bytesOf(1) })));
    const listing = store.list('dw://n/')[Symbol.asyncIterator]();
    const scan = store.scan('dw://n/')[Symbol.asyncIterator]();
    const listed = [(await listing.next()).value as string];
    const first = (await scan.next()).value as { path: string; data: Uint8Array };
    const scanned = [`${first.path} ${first.data[0]}`];
    await store.batch([
      ...paths.slice(0, 2_000).map((path) => ({ type: 'delete', path }) as const),
      ...paths.slice(2_000).map((path) => ({ type: 'write', path, data: bytesOf(2) }) as const),
      { type: 'write', path: 'dw://n/99999', data: bytesOf(2) },
    ]);
    for await (const path of rest(listing)) listed.push(path);
    for await (const { path, data } of rest(scan)) scanned.push(`${path} ${data[0]}`);
    assert.deepEqual(listed, paths);
    assert.deepEqual(
      scanned,
      paths.map((path) => `${path} 1`),
    );
  },
};

function rest<T>(iterator: AsyncIterator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => iterator };
}
