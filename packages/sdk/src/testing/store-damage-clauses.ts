import assert from 'node:assert/strict';
import { DwError } from '../errors/dw-error.js';
import type { BackingStoreConformanceOptions } from './backing-store-conformance.js';
import { assertBytes, bytesOf, listed, type StoreClauses, scanned } from './store-clause.js';

const [before, path, after] = ['dw://test/a', 'dw://test/b', 'dw://test/c'] as const;
const corrupt = { code: 'DW_STORE_CORRUPT' };

/** What a store must do with a value that is damaged. */
export function damageClauses(
  damage: NonNullable<BackingStoreConformanceOptions['damage']>,
): StoreClauses {
  return {
    'a damaged value is DW_STORE_CORRUPT with its path, and the others are as they were': async (
      store,
    ) => {
      for (const each of [before, path, after]) await store.write(each, Buffer.from(each));
      await using damaged = await damage(store, path);
      await assert.rejects(
        damaged.read(path),
        (error) => DwError.is(error, 'DW_STORE_CORRUPT') && error.details['path'] === path,
        'read() does not say what is damaged',
      );
      for (const each of [before, after]) {
        assertBytes(await damaged.read(each), Buffer.from(each));
      }
    },

    'list() has the path of a damaged value, and scan() may be begun behind it': async (store) => {
      for (const each of [before, path, after]) await store.write(each, Buffer.from(each));
      await using damaged = await damage(store, path);
      assert.deepEqual(await listed(damaged), [before, path, after]);
      const scan = damaged.scan('dw://')[Symbol.asyncIterator]();
      assert.equal(((await scan.next()).value as { path: string }).path, before);
      await assert.rejects(scan.next(), corrupt, 'scan() gives damaged bytes');
      assert.deepEqual(await scanned(damaged, 'dw://', { after: path }), [after]);
    },

    'a damaged value is whole again when it is written': async (store) => {
      for (const each of [before, path, after]) await store.write(each, Buffer.from(each));
      await using damaged = await damage(store, path);
      await damaged.write(path, bytesOf(7));
      assertBytes(await damaged.read(path), bytesOf(7));
      assert.deepEqual(await scanned(damaged), [before, path, after]);
    },
  };
}
