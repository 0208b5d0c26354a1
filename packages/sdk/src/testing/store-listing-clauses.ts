import assert from 'node:assert/strict';
import type {
  BackingStoreListOptions,
  IPersistentBackingStore,
} from '../persistence/persistent-backing-store.js';
import {
  assertBytes,
  bytesOf,
  collected,
  listed,
  type StoreClauses,
  scanned,
} from './store-clause.js';

/** Paths in byte order. UTF-16 order would put the last two the other way round. */
const ordered = [
  'dw://a',
  'dw://a-b',
  'dw://a/1',
  'dw://a/10',
  'dw://a/2',
  'dw://a/2/x',
  'dw://a0',
  'dw://b/1',
  'dw://\uff5e',
  'dw://\u{1f600}',
];

async function fill(store: IPersistentBackingStore, paths: readonly string[] = ordered) {
  // Neither in order nor against it.
  const mixed = [...paths.filter((_, index) => index % 2), ...paths.filter((_, i) => i % 2 === 0)];
  for (const path of mixed) await store.write(path, Buffer.from(path));
}

/** Asserts what `list` and `scan` yield for the same options. */
async function assertListing(
  store: IPersistentBackingStore,
  prefix: string,
  options: BackingStoreListOptions,
  expected: readonly string[],
): Promise<void> {
  const asked = JSON.stringify({ prefix, ...options });
  assert.deepEqual(await listed(store, prefix, options), expected, `list() of ${asked}`);
  assert.deepEqual(await scanned(store, prefix, options), expected, `scan() of ${asked}`);
}

/** What a listing yields, by its definition. */
function reference(prefix: string, options: BackingStoreListOptions): readonly string[] {
  const { after, limit, reverse = false } = options;
  const bytes = (path: string) => Buffer.from(path);
  const paths = ordered.filter((path) => {
    if (!path.startsWith(prefix)) return false;
    if (after === undefined) return true;
    const order = Buffer.compare(bytes(path), bytes(after));
    return reverse ? order < 0 : order > 0;
  });
  return (reverse ? paths.reverse() : paths).slice(0, limit);
}

/** Every combination of the options of a listing, each with several values. */
function* combinations(): Generator<readonly [prefix: string, options: BackingStoreListOptions]> {
  const afters = [undefined, 'dw://', 'dw://a/1', 'dw://a/11', 'dw://a/2/x', 'dw://zzz', 'dw://~'];
  for (const prefix of [
    'dw://',
    'dw://a',
    'dw://a/',
    'dw://a/1',
    'dw://b',
    'dw://c',
    'dw://\uff5e',
  ]) {
    for (const after of afters) {
      for (const limit of [undefined, 0, 1, 3, 100]) {
        for (const reverse of [undefined, false, true]) {
          yield [
            prefix,
            {
              ...(after !== undefined && { after }),
              ...(limit !== undefined && { limit }),
              ...(reverse !== undefined && { reverse }),
            },
          ];
        }
      }
    }
  }
}

/** What a store must yield when it is listed. */
export const listingClauses: StoreClauses = {
  'list() and scan() yield nothing where nothing is stored': async (store) => {
    await assertListing(store, 'dw://', {}, []);
  },

  'list() and scan() yield paths in ascending order of their bytes': async (store) => {
    await fill(store);
    await assertListing(store, 'dw://', {}, ordered);
  },

  'scan() yields each path with its bytes': async (store) => {
    await fill(store);
    for await (const { path, data } of store.scan('dw://')) assertBytes(data, Buffer.from(path));
  },

  'scan() yields copies': async (store) => {
    await store.write('dw://a', bytesOf(1, 2, 3));
    for await (const { data } of store.scan('dw://')) data.fill(99);
    assertBytes(await store.read('dw://a'), bytesOf(1, 2, 3));
  },

  'a prefix selects what starts with it, also inside a segment': async (store) => {
    await fill(store);
    await assertListing(store, 'dw://a/1', {}, ['dw://a/1', 'dw://a/10']);
    await assertListing(store, 'dw://c', {}, []);
  },

  'after selects what comes behind it, stored or not': async (store) => {
    await fill(store);
    const behind = ['dw://a/2', 'dw://a/2/x'];
    await assertListing(store, 'dw://a/', { after: 'dw://a/10' }, behind);
    await assertListing(store, 'dw://a/', { after: 'dw://a/11' }, behind);
    await assertListing(store, 'dw://a/', { after: 'dw://' }, ['dw://a/1', 'dw://a/10', ...behind]);
    await assertListing(store, 'dw://a/', { after: 'dw://b' }, []);
  },

  'limit ends a listing': async (store) => {
    await fill(store);
    await assertListing(store, 'dw://', { limit: 2 }, ['dw://a', 'dw://a-b']);
    await assertListing(store, 'dw://', { limit: 1000 }, ordered);
    await assertListing(store, 'dw://', { limit: 0 }, []);
  },

  'reverse lists in descending order, and after in that direction': async (store) => {
    await fill(store);
    await assertListing(store, 'dw://', { reverse: true }, [...ordered].reverse());
    const before = ['dw://a/10', 'dw://a/1'];
    await assertListing(store, 'dw://a/', { reverse: true, after: 'dw://a/2' }, before);
    await assertListing(store, 'dw://a/', { reverse: true, after: 'dw://a/1' }, []);
  },

  'prefix, after, limit and reverse hold together': async (store) => {
    await fill(store);
    for (const [prefix, options] of combinations()) {
      await assertListing(store, prefix, options, reference(prefix, options));
    }
  },

  'an iteration may be left early': async (store) => {
    const paths = Array.from({ length: 2_000 }, (_, index) => `dw://n/${10_000 + index}`);
    await store.batch(paths.map((path) => ({ type: 'write', path, data: bytesOf(1) })));
    for (let round = 0; round < 20; round += 1) {
      for await (const path of store.list('dw://n/')) {
        assert.equal(path, paths[0]);
        break;
      }
      for await (const { path } of store.scan('dw://n/')) {
        assert.equal(path, paths[0]);
        break;
      }
    }
    assert.equal((await listed(store)).length, paths.length);
    await store.close();
  },

  'what an iteration yields may be removed meanwhile': async (store) => {
    const paths = Array.from({ length: 100 }, (_, index) => `dw://n/${100 + index}`);
    await fill(store, paths);
    const seen: string[] = [];
    for await (const path of store.list('dw://n/')) {
      seen.push(path);
      await store.delete(path);
    }
    assert.deepEqual(seen, paths);
    assert.deepEqual(await collected(store.list('dw://')), []);
  },
};
