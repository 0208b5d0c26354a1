import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { BackingStoreOperation } from '../persistence/persistent-backing-store.js';
import { MAX_STORE_PATH_BYTES } from '../persistence/store-path.js';
import { assertAbsent, assertBytes, bytesOf, listed, type StoreClauses } from './store-clause.js';

const path = 'dw://test/a';
const write = (at: string, data: Uint8Array): BackingStoreOperation => ({
  type: 'write',
  path: at,
  data,
});

/** What a store must do with single values. */
export const valueClauses: StoreClauses = {
  'nothing is stored where nothing was written': async (store) => {
    await assertAbsent(store, path);
  },

  'write() stores every byte as it is': async (store) => {
    const data = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    await store.write(path, data);
    assertBytes(await store.read(path), data);
    assert.equal(await store.exists(path), true);
  },

  'write() of a view stores the view alone': async (store) => {
    await store.write(path, bytesOf(1, 2, 3, 4, 5).subarray(1, 4));
    assertBytes(await store.read(path), bytesOf(2, 3, 4));
  },

  'write() replaces the whole of what was there': async (store) => {
    await store.write(path, bytesOf(1, 2, 3, 4));
    await store.write(path, bytesOf(5));
    assertBytes(await store.read(path), bytesOf(5));
  },

  'write() keeps its own copy of the bytes': async (store) => {
    const data = bytesOf(1, 2, 3);
    await store.write(path, data);
    data.fill(99);
    assertBytes(await store.read(path), bytesOf(1, 2, 3));
  },

  'read() returns a copy': async (store) => {
    await store.write(path, bytesOf(1, 2, 3));
    (await store.read(path))?.fill(99);
    assertBytes(await store.read(path), bytesOf(1, 2, 3));
  },

  'an empty value is a value': async (store) => {
    await store.write(path, new Uint8Array(0));
    assertBytes(await store.read(path), new Uint8Array(0));
    assert.equal(await store.exists(path), true);
    assert.deepEqual(await listed(store), [path]);
  },

  'a value of 5 MiB comes back whole': async (store) => {
    const data = randomBytes(5 * 1024 * 1024);
    await store.write(path, data);
    assertBytes(await store.read(path), data);
  },

  'delete() removes the bytes, and nothing else': async (store) => {
    await store.write(path, bytesOf(1));
    await store.write(`${path}/b`, bytesOf(2));
    await store.delete(path);
    await assertAbsent(store, path);
    assertBytes(await store.read(`${path}/b`), bytesOf(2));
  },

  'delete() of what is absent is not an error': async (store) => {
    await store.delete(path);
    await assertAbsent(store, path);
  },

  'existsMany() says of each path what exists() says': async (store) => {
    if (store.existsMany === undefined) return;
    const paths = Array.from({ length: 100 }, (_, index) => `dw://test/${index}`);
    for (let index = 0; index < 100; index += 3) await store.write(`dw://test/${index}`, bytesOf());
    const expected = paths.map((_, index) => index % 3 === 0);
    assert.deepEqual(await store.existsMany(paths), expected);
    assert.deepEqual(await store.existsMany([...paths].reverse()), expected.reverse());
    assert.deepEqual(await store.existsMany([]), []);
  },

  'paths that differ in case, form or length are different': async (store) => {
    const paths = [
      'dw://A',
      'dw://a',
      'dw://\u00e9',
      'dw://e\u0301',
      'dw://a/',
      'dw://a//',
      'dw://a.',
    ];
    for (const [index, each] of paths.entries()) await store.write(each, bytesOf(index));
    for (const [index, each] of paths.entries()) {
      assertBytes(await store.read(each), bytesOf(index), `another path has taken that of ${each}`);
    }
  },

  'a path may be as long as the limit': async (store) => {
    const longest = path.padEnd(MAX_STORE_PATH_BYTES, 'x');
    await store.write(longest, bytesOf(1));
    assertBytes(await store.read(longest), bytesOf(1));
    assert.deepEqual(await listed(store), [longest]);
  },

  'every durability may be asked for': async (store) => {
    for (const durability of ['memory', 'os', 'disk'] as const) {
      await store.write(path, bytesOf(1), { durability });
      assertBytes(await store.read(path), bytesOf(1));
      await store.delete(path, { durability });
      await assertAbsent(store, path);
      await store.batch([write(path, bytesOf(2))], { durability });
      assertBytes(await store.read(path), bytesOf(2));
    }
  },

  'overlapping writes leave the whole of the one called last': async (store) => {
    const values = Array.from({ length: 50 }, (_, index) =>
      new Uint8Array(index % 2 === 0 ? 20_000 : 10).fill(index),
    );
    await Promise.all(values.map((value) => store.write(path, value)));
    assertBytes(await store.read(path), values.at(-1) ?? bytesOf());
  },

  'overlapping writes and deletions end as the one called last': async (store) => {
    const other = 'dw://test/b';
    await Promise.all([
      store.write(path, bytesOf(1)),
      store.delete(path),
      store.delete(other),
      store.write(other, bytesOf(2)),
    ]);
    await assertAbsent(store, path);
    assertBytes(await store.read(other), bytesOf(2));
  },
};

/** What a store must do with several changes at once. */
export const batchClauses: StoreClauses = {
  'batch() writes and deletes': async (store) => {
    await store.write('dw://test/old', bytesOf(1));
    await store.batch([
      write('dw://test/new', bytesOf(2)),
      { type: 'delete', path: 'dw://test/old' },
      { type: 'delete', path: 'dw://test/absent' },
    ]);
    assert.deepEqual(await listed(store), ['dw://test/new']);
    assertBytes(await store.read('dw://test/new'), bytesOf(2));
  },

  'batch() applies operations on one path in order': async (store) => {
    const gone = 'dw://test/gone';
    await store.batch([
      write(path, bytesOf(1)),
      write(gone, bytesOf(1)),
      { type: 'delete', path },
      write(path, bytesOf(2)),
      write(path, bytesOf(3)),
      { type: 'delete', path: gone },
    ]);
    assertBytes(await store.read(path), bytesOf(3));
    await assertAbsent(store, gone);
  },

  'batch() keeps its own copies of the bytes': async (store) => {
    const data = bytesOf(1, 2, 3);
    await store.batch([write(path, data), write('dw://test/b', data.subarray(1))]);
    data.fill(99);
    assertBytes(await store.read(path), bytesOf(1, 2, 3));
    assertBytes(await store.read('dw://test/b'), bytesOf(2, 3));
  },

  'batch() with one malformed path changes nothing': async (store) => {
    await store.write('dw://test/kept', bytesOf(1));
    const operations: readonly BackingStoreOperation[] = [
      write(path, bytesOf(2)),
      { type: 'delete', path: 'dw://test/kept' },
      write('nowhere', bytesOf(3)),
    ];
    await assert.rejects(store.batch(operations), { code: 'DW_STORE_INVALID_PATH' });
    assert.deepEqual(await listed(store), ['dw://test/kept']);
  },

  'batch() of nothing changes nothing': async (store) => {
    await store.batch([]);
    assert.deepEqual(await listed(store), []);
  },

  'overlapping batches leave the whole of the one called last': async (store) => {
    const paths = Array.from({ length: 10 }, (_, index) => `dw://test/${index}`);
    const rounds = Array.from({ length: 20 }, (_, round) =>
      // Every second one from the end, so that none can win by touching the paths in another order.
      (round % 2 === 0 ? paths : [...paths].reverse()).map((each) => write(each, bytesOf(round))),
    );
    await Promise.all(rounds.map((operations) => store.batch(operations)));
    for (const each of paths) assertBytes(await store.read(each), bytesOf(19));
  },

  '10 000 keys are kept, found and removed': async (store) => {
    const paths = Array.from(
      { length: 10_000 },
      (_, index) => `dw://test/${String(index).padStart(5, '0')}`,
    );
    for (let from = 0; from < paths.length; from += 1000) {
      const part = paths.slice(from, from + 1000);
      await store.batch(part.map((each) => write(each, Buffer.from(each))));
    }
    assert.deepEqual(await listed(store), paths);
    for (const each of [paths[0], paths[4_999], paths[9_999]]) {
      assertBytes(await store.read(each ?? ''), Buffer.from(each ?? ''));
    }
    const last = await listed(store, 'dw://test/', { reverse: true, limit: 2 });
    assert.deepEqual(last, ['dw://test/09999', 'dw://test/09998']);
    await store.batch(paths.map((each) => ({ type: 'delete', path: each })));
    assert.deepEqual(await listed(store), []);
  },
};
