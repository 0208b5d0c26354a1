import { describe, expect, it } from 'vitest';
import type { IPersistentBackingStore } from '../persistence/persistent-backing-store.js';
import { backingStoreConformance } from './backing-store-conformance.js';
import { runSuite } from './failing-clauses.js';
import { FaultyBackingStore } from './faulty-backing-store.js';
import { MemoryBackingStore } from './memory-backing-store.js';

interface DamageDouble {
  readonly wrong: string;
  readonly noticed: string;
  readonly make: (
    faulty: FaultyBackingStore,
    inner: MemoryBackingStore,
  ) => Partial<IPersistentBackingStore>;
}

const damageDoubles: readonly DamageDouble[] = [
  {
    wrong: 'reads damaged bytes',
    noticed: 'a damaged value is DW_STORE_CORRUPT with its path, and the others are as they were',
    make: (_, inner) => ({ read: (path) => inner.read(path) }),
  },
  {
    wrong: 'reads nothing where bytes are damaged',
    noticed: 'a damaged value is DW_STORE_CORRUPT with its path, and the others are as they were',
    make: (faulty) => ({ read: (path) => faulty.read(path).catch(() => undefined) }),
  },
  {
    wrong: 'scans damaged bytes',
    noticed: 'list() has the path of a damaged value, and scan() may be begun behind it',
    make: (_, inner) => ({ scan: (prefix, options) => inner.scan(prefix, options) }),
  },
  {
    wrong: 'does not list what is damaged',
    noticed: 'list() has the path of a damaged value, and scan() may be begun behind it',
    make: (faulty) => ({
      list: async function* (prefix, options) {
        for await (const path of faulty.list(prefix, options)) {
          if (await faulty.read(path).catch(() => undefined)) yield path;
        }
      },
    }),
  },
  {
    wrong: 'never forgets damage',
    noticed: 'a damaged value is whole again when it is written',
    make: (faulty) => ({
      write: async (path, data) => {
        await faulty.write(path, data);
        if (data.length === 1) faulty.damage(path);
      },
    }),
  },
];

/** The clauses that a store with {@link FaultyBackingStore}'s damage fails. */
function runDamaged(make: DamageDouble['make']) {
  const inner = new WeakMap<IPersistentBackingStore, FaultyBackingStore>();
  return runSuite((test) =>
    backingStoreConformance({
      test,
      open: async () => {
        const memory = new MemoryBackingStore();
        const faulty = new FaultyBackingStore(memory);
        const changes = make(faulty, memory);
        const store = new Proxy<IPersistentBackingStore>(faulty, {
          get: (_, key) => {
            const holder = key in changes ? changes : faulty;
            const value: unknown = Reflect.get(holder, key, holder);
            return typeof value === 'function' ? value.bind(holder) : value;
          },
        });
        inner.set(store, faulty);
        return store;
      },
      damage: async (store, path) => {
        inner.get(store)?.damage(path);
        return store;
      },
      timeLimitMs: 1_000,
    }),
  );
}

describe('the clauses on damaged values', () => {
  it('are there where a store can be damaged, and each can fail', async () => {
    const plain = await runSuite((test) =>
      backingStoreConformance({ test, open: async () => new MemoryBackingStore() }),
    );
    const { clauses, failed } = await runDamaged(() => ({}));
    expect(failed).toEqual([]);
    expect(new Set(clauses.filter((clause) => !plain.clauses.includes(clause)))).toEqual(
      new Set(damageDoubles.map(({ noticed }) => noticed)),
    );
  });

  it.each(damageDoubles)('notice a store that $wrong', async ({ make, noticed }) => {
    expect((await runDamaged(make)).failed).toContain(noticed);
  });
});
