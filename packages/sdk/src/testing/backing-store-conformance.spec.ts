import { describe, expect, it } from 'vitest';
import type {
  BackingStoreEntry,
  BackingStoreListOptions,
  BackingStoreOperation,
  IPersistentBackingStore,
} from '../persistence/persistent-backing-store.js';
import { backingStoreConformance } from './backing-store-conformance.js';
import { runSuite } from './failing-clauses.js';
import { MemoryBackingStore } from './memory-backing-store.js';

type Changes = Partial<IPersistentBackingStore>;

/** A store that works, but for what `change` puts in its place. */
function broken(change: (real: MemoryBackingStore) => Changes): IPersistentBackingStore {
  const real = new MemoryBackingStore();
  const changes = change(real);
  return new Proxy<IPersistentBackingStore>(real, {
    get: (_, key) => {
      const value: unknown = Reflect.get(key in changes ? changes : real, key);
      return typeof value === 'function' ? value.bind(key in changes ? changes : real) : value;
    },
  });
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

/** A store whose single writes go through `write`, and whose batches are single writes. */
function unbatched(
  real: MemoryBackingStore,
  single: (operation: BackingStoreOperation) => Promise<void>,
) {
  return {
    batch: async (operations) => {
      if (operations.length === 0) await real.batch(operations);
      for (const operation of operations) await single(operation);
    },
  } satisfies Changes;
}

function apply(real: MemoryBackingStore, operation: BackingStoreOperation): Promise<void> {
  return operation.type === 'write'
    ? real.write(operation.path, operation.data)
    : real.delete(operation.path);
}

/** Listings made from the real one, whole, by `alter`. */
function listings(
  real: MemoryBackingStore,
  alter: (
    all: readonly BackingStoreEntry[],
    prefix: string,
    options: BackingStoreListOptions,
  ) => readonly BackingStoreEntry[],
): Changes {
  async function* scan(prefix: string, options: BackingStoreListOptions = {}) {
    const all: BackingStoreEntry[] = [];
    for await (const entry of real.scan(prefix, options)) all.push(entry);
    yield* alter(all, prefix, options);
  }
  return {
    scan,
    list: async function* (prefix, options) {
      for await (const { path } of scan(prefix, options)) yield path;
    },
  };
}

/** What the real store yields when it is not given some of the options. */
function ignoring(real: MemoryBackingStore, ...names: readonly string[]): Changes {
  const rest = (options: BackingStoreListOptions = {}): BackingStoreListOptions =>
    Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)));
  return {
    list: (prefix, options) => real.list(prefix, rest(options)),
    scan: (prefix, options) => real.scan(prefix, rest(options)),
  };
}

interface Double {
  /** What is wrong with the store. */
  readonly wrong: string;
  /** Clauses that must notice. */
  readonly noticed: readonly string[];
  readonly make: (real: MemoryBackingStore) => Changes;
}

const double = (
  wrong: string,
  noticed: string | readonly string[],
  make: Double['make'],
): Double => ({ wrong, noticed: typeof noticed === 'string' ? [noticed] : noticed, make });

const valueDoubles: readonly Double[] = [
  double(
    'reads an empty value where nothing is',
    'nothing is stored where nothing was written',
    (real) => ({
      read: async (path, options) => (await real.read(path, options)) ?? new Uint8Array(0),
    }),
  ),
  double('takes bytes for text', 'write() stores every byte as it is', (real) => ({
    write: (path, data, options) =>
      real.write(path, Buffer.from(Buffer.from(data).toString('utf8')), options),
  })),
  double('stores the buffer behind a view', 'write() of a view stores the view alone', (real) => ({
    write: (path, data, options) => real.write(path, new Uint8Array(data.buffer), options),
  })),
  double('writes over the old bytes', 'write() replaces the whole of what was there', (real) => ({
    write: async (path, data, options) => {
      const old = await real.read(path, options);
      await real.write(path, Buffer.concat([data, (old ?? data).subarray(data.length)]), options);
    },
  })),
  double('keeps the bytes it was given', 'write() keeps its own copy of the bytes', (real) => {
    const given = new Map<string, Uint8Array>();
    return {
      write: async (path, data, options) => {
        await real.write(path, data, options);
        given.set(path, data);
      },
      read: async (path, options) => {
        const data = await real.read(path, options);
        return data && (given.get(path) ?? data).slice();
      },
    };
  }),
  double('gives its own bytes away', 'read() returns a copy', (real) => {
    const kept = new Map<string, Uint8Array | undefined>();
    return {
      read: async (path, options) => {
        if (!kept.has(path)) kept.set(path, await real.read(path, options));
        return kept.get(path);
      },
    };
  }),
  double('takes an empty value for none', 'an empty value is a value', (real) => ({
    write: async (path, data, options) => {
      await real.write(path, data, options);
      if (data.length === 0) await real.delete(path);
    },
  })),
  double('cuts values off at 1 MiB', 'a value of 5 MiB comes back whole', (real) => ({
    write: (path, data, options) => real.write(path, data.subarray(0, 2 ** 20), options),
  })),
  double(
    'deletes what is below as well',
    'delete() removes the bytes, and nothing else',
    (real) => ({
      delete: async (path, options) => {
        await real.delete(path, options);
        for await (const below of real.list(path)) await real.delete(below);
      },
    }),
  ),
  double(
    'does not delete what is absent',
    'delete() of what is absent is not an error',
    (real) => ({
      delete: async (path, options) => {
        if (!(await real.exists(path, options))) throw new Error('absent');
        await real.delete(path, options);
      },
    }),
  ),
  double(
    'finds many in another order',
    'existsMany() says of each path what exists() says',
    (real) => ({
      existsMany: async (paths, options) =>
        Promise.all([...paths].sort().map((path) => real.exists(path, options))),
    }),
  ),
  double('folds case', 'paths that differ in case, form or length are different', (real) => ({
    write: (path, data, options) => real.write(path.toLowerCase(), data, options),
    read: (path, options) => real.read(path.toLowerCase(), options),
  })),
  double(
    'normalises Unicode',
    'paths that differ in case, form or length are different',
    (real) => ({
      write: (path, data, options) => real.write(path.normalize(), data, options),
      read: (path, options) => real.read(path.normalize(), options),
    }),
  ),
  double('has shorter paths', 'a path may be as long as the limit', (real) => ({
    write: (path, data, options) => real.write(path.slice(0, 4096), data, options),
  })),
  double('has only the durability it claims', 'every durability may be asked for', (real) => ({
    write: async (path, data, options) => {
      if (options?.durability === 'disk') throw new TypeError('no disk');
      await real.write(path, data, options);
    },
  })),
  double(
    'lets a longer write end last',
    'overlapping writes leave the whole of the one called last',
    (real) => ({
      write: async (path, data, options) => {
        if (data.length > 10_000) await turns(2);
        await real.write(path, data, options);
      },
    }),
  ),
  double('deletes late', 'overlapping writes and deletions end as the one called last', (real) => ({
    delete: async (path, options) => {
      await turns(1);
      await real.delete(path, options);
    },
  })),
];

const batchDoubles: readonly Double[] = [
  double('only writes in a batch', 'batch() writes and deletes', (real) => ({
    batch: (operations, options) =>
      real.batch(
        operations.filter(({ type }) => type === 'write'),
        options,
      ),
  })),
  double('deletes after it wrote', 'batch() applies operations on one path in order', (real) => ({
    batch: (operations, options) =>
      real.batch(
        [...operations].sort((a, b) => Number(a.type === 'delete') - Number(b.type === 'delete')),
        options,
      ),
  })),
  double('keeps the bytes of a batch', 'batch() keeps its own copies of the bytes', (real) => {
    const given = new Map<string, Uint8Array>();
    return {
      batch: async (operations, options) => {
        await real.batch(operations, options);
        for (const each of operations) if (each.type === 'write') given.set(each.path, each.data);
      },
      read: async (path, options) => given.get(path)?.slice() ?? (await real.read(path, options)),
    };
  }),
  double('batches one by one', 'batch() with one malformed path changes nothing', (real) =>
    unbatched(real, (operation) => apply(real, operation)),
  ),
  double('marks empty batches', 'batch() of nothing changes nothing', (real) => ({
    batch: (operations, options) =>
      real.batch(
        [...operations, { type: 'write', path: 'dw://~', data: new Uint8Array(1) }],
        options,
      ),
  })),
  double('mixes batches', 'overlapping batches leave the whole of the one called last', (real) =>
    unbatched(real, async (operation) => {
      await turns(1);
      await apply(real, operation);
    }),
  ),
  double('lists no more than 1 000', '10 000 keys are kept, found and removed', (real) =>
    listings(real, (all) => all.slice(0, 1_000)),
  ),
];

const listingDoubles: readonly Double[] = [
  double(
    'lists the prefix itself',
    'list() and scan() yield nothing where nothing is stored',
    (real) => listings(real, (all, path) => [{ path, data: new Uint8Array(0) }, ...all]),
  ),
  double(
    'orders by UTF-16 units',
    'list() and scan() yield paths in ascending order of their bytes',
    (real) => listings(real, (all) => [...all].sort((a, b) => (a.path < b.path ? -1 : 1))),
  ),
  double('scans without bytes', 'scan() yields each path with its bytes', (real) =>
    listings(real, (all) => all.map(({ path }) => ({ path, data: new Uint8Array(0) }))),
  ),
  double('scans its own bytes', 'scan() yields copies', (real) => ({
    scan: async function* (prefix, options) {
      for await (const entry of real.scan(prefix, options)) {
        yield entry;
        await real.write(entry.path, entry.data);
      }
    },
  })),
  double(
    'takes a prefix for a folder',
    'a prefix selects what starts with it, also inside a segment',
    (real) =>
      listings(real, (all, prefix) =>
        all.filter(
          ({ path }) => path === prefix || path.startsWith(`${prefix.replace(/\/$/, '')}/`),
        ),
      ),
  ),
  double('ignores after', 'after selects what comes behind it, stored or not', (real) =>
    ignoring(real, 'after'),
  ),
  double('ignores limit', 'limit ends a listing', (real) => ignoring(real, 'limit')),
  double(
    'ignores reverse',
    'reverse lists in descending order, and after in that direction',
    (real) => ignoring(real, 'reverse'),
  ),
  double('limits before it reverses', 'prefix, after, limit and reverse hold together', (real) => {
    const forward = ignoring(real, 'reverse');
    return {
      ...listings(real, (all) => all),
      list: async function* (prefix, options = {}) {
        if (options.after !== undefined || options.reverse !== true) {
          return yield* real.list(prefix, options);
        }
        const paths: string[] = [];
        for await (const path of forward.list?.(prefix, options) ?? []) paths.push(path);
        yield* paths.reverse();
      },
    };
  }),
  double('cannot close while an iteration is open', 'an iteration may be left early', (real) => {
    let openCount = 0;
    const list = (prefix: string, options?: BackingStoreListOptions) => {
      const iterator = real.list(prefix, options);
      openCount += 1;
      const next = async () => {
        const result = await iterator.next();
        if (result.done === true) openCount -= 1;
        return result;
      };
      return { [Symbol.asyncIterator]: () => ({ next }) };
    };
    const close = async () => {
      while (openCount > 0) await new Promise((resolve) => setTimeout(resolve, 500).unref());
      await real.close();
    };
    return { list, close };
  }),
  double('loses its place', 'what an iteration yields may be removed meanwhile', (real) => ({
    list: async function* (prefix, options) {
      if (prefix !== 'dw://n/') return yield* real.list(prefix, options);
      for (let index = 0; ; index += 1) {
        const paths: string[] = [];
        for await (const path of real.list(prefix)) paths.push(path);
        const path = paths[index];
        if (path === undefined) return;
        yield path;
      }
    },
  })),
];

const lifeDoubles: readonly Double[] = [
  double('finds nothing at malformed paths', 'every method refuses a malformed path', (real) => ({
    exists: async (path, options) => path.startsWith('dw://') && (await real.exists(path, options)),
  })),
  double(
    'deletes without looking at the signal',
    'an aborted signal rejects every method with its reason',
    (real) => ({
      delete: (path) => real.delete(path),
    }),
  ),
  double(
    'looks at the signal too late',
    'a call that was aborted before it began changes nothing',
    (real) => ({
      batch: async (operations, options) => {
        await real.batch(operations);
        options?.signal?.throwIfAborted();
      },
    }),
  ),
  double(
    'goes on writing after it was aborted',
    'a call that is aborted while it runs ends whole, or changes nothing',
    (real) => ({
      write: async (path, data, { signal } = {}) => {
        signal?.throwIfAborted();
        const written = turns(1).then(() => real.write(path, data));
        const aborted = new Promise((resolve) => signal?.addEventListener('abort', resolve));
        await Promise.race([written, aborted]);
        signal?.throwIfAborted();
      },
    }),
  ),
  double('iterates without looking at the signal', 'an iteration ends when it is aborted', (real) =>
    ignoring(real, 'signal'),
  ),
  double('closes over calls in flight', 'close() waits for calls in flight', (real) => ({
    write: async (path, data, options) => {
      await real.write(path, data, options);
      await turns(5);
    },
  })),
  double('still answers when closed', 'every method rejects after close()', (real) => ({
    exists: (path, options) => real.exists(path, options).catch(() => false),
  })),
  double(
    'iterates over what it held before it closed',
    'an iteration that was begun before close() rejects after it',
    (real) => listings(real, (all) => all),
  ),
  double('closes once', 'close() may be called twice, also at the same time', (real) => {
    let isClosed = false;
    return {
      close: async () => {
        if (isClosed) throw new Error('closed');
        isClosed = true;
        await real.close();
      },
    };
  }),
  double('is not disposed', 'Symbol.asyncDispose closes', () => ({
    [Symbol.asyncDispose]: async () => {},
  })),
  double('claims what nobody knows', 'capabilities name a durability', () => ({
    capabilities: { durability: 'eternal' as 'disk' },
  })),
  double(
    'claims a disk, and cannot be opened again',
    'what was acknowledged outlives close(), where the store claims it',
    () => ({ capabilities: { durability: 'disk' } }),
  ),
];

const claimDoubles: readonly Double[] = [
  double(
    'claims snapshots, and scans what is there now',
    'list() and scan() show the store as it was at their first step, where it claims so',
    () => ({ capabilities: { durability: 'memory', hasSnapshotListings: true } }),
  ),
];

const doubles = [
  ...valueDoubles,
  ...batchDoubles,
  ...listingDoubles,
  ...lifeDoubles,
  ...claimDoubles,
];

const run = (make: Double['make'], reopen?: () => Promise<IPersistentBackingStore>) =>
  runSuite((test) =>
    backingStoreConformance({
      test,
      open: async () => broken(make),
      ...(reopen && { reopen }),
      timeLimitMs: 1_000,
    }),
  );

describe('backingStoreConformance', () => {
  it('passes a store that keeps the contract', async () => {
    expect((await run(() => ({}))).failed).toEqual([]);
  });

  it.each(doubles)('notices a store that $wrong', async ({ make, noticed }) => {
    const { failed } = await run(make);
    expect(failed).toEqual(expect.arrayContaining([...noticed]));
  });

  it('has no clause that cannot fail', async () => {
    const { clauses } = await run(() => ({}));
    expect(new Set(doubles.flatMap(({ noticed }) => noticed))).toEqual(new Set(clauses));
  });

  it('notices a store that claims a disk, and is empty when it is opened again', async () => {
    const claim = (): Changes => ({ capabilities: { durability: 'disk' } });
    const { failed } = await run(claim, async () => new MemoryBackingStore());
    expect(failed).toEqual(['what was acknowledged outlives close(), where the store claims it']);
  });

  it('passes a store that keeps its claim', async () => {
    let medium = new Map<string, Uint8Array>();
    const keeping = (real: MemoryBackingStore): Changes => ({
      capabilities: { durability: 'disk' },
      close: async () => {
        await turns(1);
        if (medium.size === 0)
          for await (const { path, data } of real.scan('dw://')) medium.set(path, data);
        await real.close();
      },
    });
    const { failed } = await runSuite((test) =>
      backingStoreConformance({
        test: (name, body) =>
          name.startsWith('what was acknowledged') ? test(name, body) : undefined,
        open: async () => broken(keeping),
        reopen: async () => {
          const store = new MemoryBackingStore();
          for (const [path, data] of medium) await store.write(path, data);
          medium = new Map();
          return store;
        },
      }),
    );
    expect(failed).toEqual([]);
  });
});
