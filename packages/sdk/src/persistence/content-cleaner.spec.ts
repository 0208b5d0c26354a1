import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { KeyedMutex } from '../concurrency/keyed-mutex.js';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { ContentStore } from './content-store.js';
import { CONTENT_CHUNK_BYTES, type PayloadReference } from './payload-reference.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';

const chunkBytes = CONTENT_CHUNK_BYTES;
let memory: MemoryBackingStore;
let content: ContentStore;

/** Content of one chunk a seed; equal seeds give equal chunks. */
function contentOf(seeds: readonly number[], lastBytes = chunkBytes): Uint8Array {
  const data = Buffer.alloc(seeds.length * chunkBytes);
  for (const [index, seed] of seeds.entries()) data.writeUInt32BE(seed, index * chunkBytes);
  return data.subarray(0, data.length - chunkBytes + lastBytes);
}

const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index);

async function pathsIn(store: IPersistentBackingStore): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of store.list('dw://')) paths.push(path);
  return paths;
}

async function isReadable(from: ContentStore, reference: PayloadReference): Promise<boolean> {
  let sizeBytes = 0;
  for await (const piece of from.open(reference)) sizeBytes += piece.length;
  return sizeBytes === reference.sizeBytes;
}

/** A store whose process dies after some more writes: everything later is refused. */
function dyingAfter(writes: number, inner: IPersistentBackingStore): FaultyBackingStore {
  const store = new FaultyBackingStore(inner);
  const batch = store.batch.bind(store);
  let left = writes;
  store.batch = async (...parameters) => {
    left -= 1;
    if (left < 0) throw new Error('died');
    await batch(...parameters);
  };
  return store;
}

/** A store whose answers take a different time each, so that calls overlap in many ways. */
function slow(inner: IPersistentBackingStore, seed: number): IPersistentBackingStore {
  let state = seed + 1;
  const wait = async (): Promise<void> => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 1;
    for (let turns = (state >>> 8) % 4; turns > 0; turns -= 1) await new Promise(setImmediate);
  };
  const around =
    <A extends unknown[], R>(call: (...parameters: A) => Promise<R>) =>
    async (...parameters: A): Promise<R> => {
      await wait();
      const result = await call.apply(inner, parameters);
      await wait();
      return result;
    };
  return Object.assign(Object.create(inner) as IPersistentBackingStore, {
    read: around(inner.read),
    exists: around(inner.exists),
    batch: around(inner.batch),
    write: around(inner.write),
    delete: around(inner.delete),
    list: async function* (...parameters: Parameters<typeof inner.list>) {
      await wait();
      const paths: string[] = [];
      for await (const path of inner.list(...parameters)) paths.push(path);
      await wait();
      yield* paths;
    },
    scan: inner.scan.bind(inner),
  });
}

beforeEach(async () => {
  memory = new MemoryBackingStore();
  content = await ContentStore.open({ store: memory });
});

describe('clean of a ContentStore', () => {
  it('removes content without an owner, and spares shared chunks', async () => {
    const one = await content.put(contentOf([1]), { owner: 'a' });
    const small = await content.put(contentOf([1, 2, 3]), { owner: 'b' });
    const large = await content.put(contentOf(range(2, 20)), { owner: 'c' });
    await memory.batch(content.release(small, 'b'));
    expect(await content.clean()).toEqual({ removedChunks: 0, removedBytes: 0 });
    expect(await content.has(small)).toBe(false);
    expect(await isReadable(content, one)).toBe(true);
    expect(await isReadable(content, large)).toBe(true);
    await memory.batch(content.release(one, 'a'));
    expect(await content.clean()).toEqual({ removedChunks: 1, removedBytes: chunkBytes });
    await memory.batch(content.release(large, 'c'));
    expect(await content.clean()).toMatchObject({ removedChunks: 20 });
    expect(await pathsIn(memory)).toEqual([]);
  });

  it('keeps content as long as any owner is left', async () => {
    const reference = await content.put(contentOf(range(1, 6)), { owner: 'a' });
    await memory.batch(content.retain(reference, 'b'));
    await memory.batch(content.release(reference, 'a'));
    await content.clean();
    expect(await isReadable(content, reference)).toBe(true);
    await memory.batch([...content.release(reference, 'b'), ...content.retain(reference, 'c')]);
    await content.clean();
    expect(await isReadable(content, reference)).toBe(true);
    await memory.batch(content.release(reference, 'c'));
    await content.clean();
    expect(await pathsIn(memory)).toEqual([]);
  });

  it('counts an owner once, however often it takes the same content', async () => {
    await content.put(contentOf(range(1, 6)), { owner: 'a' });
    const reference = await content.put(contentOf(range(1, 6)), { owner: 'a' });
    await memory.batch(content.release(reference, 'a'));
    await content.clean();
    expect(await pathsIn(memory)).toEqual([]);
  });

  it.each([1, 3, 20])('spares %i staged chunks until they are disposed', async (count) => {
    const staged = await content.stage(contentOf(range(1, count)), { owner: 'a' });
    await content.clean();
    await memory.batch(staged.operations);
    staged[Symbol.dispose]();
    await content.clean();
    expect(await isReadable(content, staged.reference)).toBe(true);
  });

  it.each([1, 3, 20])('removes %i chunks that were staged for nothing', async (count) => {
    const staged = await content.stage(contentOf(range(1, count)), { owner: 'a' });
    staged[Symbol.dispose]();
    await content.clean();
    expect(await pathsIn(memory)).toEqual([]);
  });

  it('spares the old chunks that a stage under way builds on', async () => {
    const old = await content.put(contentOf(range(1, 20)), { owner: 'old' });
    let proceed: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield contentOf(range(1, 20));
      await paused;
      yield contentOf([99], 10);
    };
    const staging = content.stage(source(), { owner: 'new' });
    await new Promise(setImmediate);
    await memory.batch(content.release(old, 'old'));
    await content.clean();
    proceed();
    using staged = await staging;
    await memory.batch(staged.operations);
    await content.clean();
    expect(await isReadable(content, staged.reference)).toBe(true);
  });

  it('never takes what is taken in while it runs', async () => {
    const seeds = fc.integer({ min: 0, max: 2 ** 30 });
    const run = async (seed: number): Promise<void> => {
      const disk = new MemoryBackingStore();
      const store = slow(disk, seed);
      const living = await ContentStore.open({ store });
      const references: PayloadReference[] = [];
      const writer = async (name: number): Promise<void> => {
        for (let index = 0; index < 8; index += 1) {
          const owner = `${name}-${index}`;
          // All writers and rounds share chunks, and most content has come and gone before.
          const data = contentOf(range(index % 3, 1 + 3 * name));
          const reference = await living.put(data, { owner });
          if (index % 4 === 3) references.push(reference);
          else await store.batch(living.release(reference, owner));
        }
      };
      let isDone = false;
      const cleaner = async (): Promise<void> => {
        while (!isDone) await living.clean();
      };
      const cleaning = cleaner();
      await Promise.all([writer(0), writer(0), writer(1), writer(2), writer(6)]);
      isDone = true;
      await cleaning;
      const reader = await ContentStore.open({ store: disk });
      for (const reference of references) expect(await isReadable(reader, reference)).toBe(true);
    };
    await fc.assert(fc.asyncProperty(seeds, run), { numRuns: 15 });
  }, 60_000);

  it('makes a stage wait for the removal of what that would build on', async () => {
    const store = new FaultyBackingStore(memory);
    content = await ContentStore.open({ store });
    const data = contentOf([1, 2, 3]);
    const reference = await content.put(contentOf([1]), { owner: 'a' });
    await store.batch(content.release(reference, 'a'));
    const held = store.holdWrites();
    const cleaning = content.clean();
    await new Promise(setImmediate);
    const staging = content.stage(data, { owner: 'b' });
    await new Promise(setImmediate);
    held[Symbol.dispose]();
    expect(await cleaning).toMatchObject({ removedChunks: 1 });
    using staged = await staging;
    await store.batch(staged.operations);
    expect(await isReadable(content, staged.reference)).toBe(true);
  });

  it('spares what was pinned when it looked, and referred to before it acted', async () => {
    const store = new FaultyBackingStore(memory);
    content = await ContentStore.open({ store });
    const old = await content.put(contentOf([1]), { owner: 'a' });
    await store.batch(content.release(old, 'a'));
    const staged = await content.stage(contentOf([1]), { owner: 'b' });
    const list = store.list.bind(store);
    let isCommitted = false;
    store.list = async function* (prefix, options) {
      const paths: string[] = [];
      for await (const path of list(prefix, options)) paths.push(path);
      if (prefix.includes('/chunk-refs/') && !isCommitted) {
        isCommitted = true;
        await store.batch(staged.operations);
        staged[Symbol.dispose]();
      }
      yield* paths;
    };
    await content.clean();
    expect(isCommitted).toBe(true);
    expect(await isReadable(content, staged.reference)).toBe(true);
  });

  it('leaves alone content that is taken in anew between two of its batches', async () => {
    const data = contentOf(range(1, 200));
    const store = new FaultyBackingStore(memory);
    content = await ContentStore.open({ store });
    const old = await content.put(data, { owner: 'a' });
    await store.batch(content.release(old, 'a'));
    const exists = store.exists.bind(store);
    let looks = 0;
    let reference: PayloadReference | undefined;
    store.exists = async (path, options) => {
      if (path.includes('/partial/') && ++looks === 2) {
        reference = await content.put(data, { owner: 'b' });
      }
      return exists(path, options);
    };
    await content.clean();
    await content.clean();
    expect(reference && (await isReadable(content, reference))).toBe(true);
  });

  it('goes on at the next call after a failure of the store', async () => {
    const store = new FaultyBackingStore(memory);
    content = await ContentStore.open({ store });
    const kept = await content.put(contentOf(range(150, 100)), { owner: 'kept' });
    const gone = await content.put(contentOf(range(1, 250)), { owner: 'gone' });
    await store.batch(content.release(gone, 'gone'));
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      store.failWrites(new Error('disk gone'));
      await expect(content.clean()).rejects.toThrow('disk gone');
    }
    await content.clean();
    expect(await isReadable(content, kept)).toBe(true);
    expect((await pathsIn(memory)).filter((path) => path.includes('/chunks/'))).toHaveLength(100);
  });

  it('removes what a stage of many chunks has left, wherever that died', async () => {
    const data = contentOf(range(1, 1_100));
    const counting = new FaultyBackingStore(new MemoryBackingStore());
    await (await ContentStore.open({ store: counting })).put(data, { owner: 'a' });
    const writes = counting.batches.length;
    for (const dyingAt of [1, 30, writes - 4, writes - 3, writes - 2, writes - 1]) {
      const dying = await ContentStore.open({ store: dyingAfter(dyingAt, memory) });
      await expect(dying.put(data, { owner: 'a' })).rejects.toThrow('died');
      content = await ContentStore.open({ store: memory });
      await content.clean();
      expect(await pathsIn(memory)).toEqual([]);
    }
  }, 60_000);

  it('loses nothing that is referred to and leaves nothing else, whatever dies when', async () => {
    const seeds = [[1], [2], [1, 2], [1, 2, 3], range(1, 7), range(4, 20), range(1, 30), [1, 1, 1]];
    const datas = seeds.map((some) => contentOf(some));
    const action = fc.record({
      kind: fc.constantFrom('put', 'put', 'release', 'move', 'clean', 'abandon'),
      item: fc.nat(datas.length - 1),
      owner: fc.constantFrom('x', 'y'),
    });
    const lives = fc.array(
      fc.record({
        dyingAfter: fc.nat(25),
        seed: fc.nat(),
        // What stands in one group runs at the same time.
        groups: fc.array(fc.array(action, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
      }),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(lives, async (some) => {
        const disk = new MemoryBackingStore();
        for (const life of some) {
          const store = slow(dyingAfter(life.dyingAfter, disk), life.seed);
          const living = await ContentStore.open({ store });
          const locks = new KeyedMutex();
          for (const group of life.groups) {
            await Promise.allSettled(
              group.map((step) =>
                locks.run(step.kind === 'clean' ? 'clean' : `${step.item}`, () =>
                  act(living, store, datas, step),
                ),
              ),
            );
          }
          await assertOwnedIsReadable(disk);
        }
        await releaseAll(disk);
        expect(await pathsIn(disk)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

interface Step {
  readonly kind: string;
  readonly item: number;
  readonly owner: string;
}

/** Records who owns what beside the content, in the same batches, as a plugin would. */
async function act(
  living: ContentStore,
  store: IPersistentBackingStore,
  datas: readonly Uint8Array[],
  { kind, item, owner }: Step,
): Promise<void> {
  const recordPath = (of: string): string => `dw://records/${item}-${of}`;
  const recorded = async (of: string): Promise<PayloadReference | undefined> => {
    const data = await store.read(recordPath(of));
    return data && (JSON.parse(Buffer.from(data).toString()) as PayloadReference);
  };
  if (kind === 'clean') await living.clean();
  if (kind === 'put' || kind === 'abandon') {
    using staged = await living.stage(datas[item] ?? new Uint8Array(), {
      owner: `${item}-${owner}`,
    });
    if (kind === 'abandon') return;
    const data = Buffer.from(JSON.stringify(staged.reference));
    await store.batch([...staged.operations, { type: 'write', path: recordPath(owner), data }]);
  }
  const reference = kind === 'release' || kind === 'move' ? await recorded(owner) : undefined;
  if (reference === undefined) return;
  const released = living.release(reference, `${item}-${owner}`);
  const unrecord = { type: 'delete' as const, path: recordPath(owner) };
  if (kind === 'release') {
    await store.batch([...released, unrecord]);
    return;
  }
  const data = Buffer.from(JSON.stringify(reference));
  await store.batch([
    ...living.retain(reference, `${item}-z`),
    { type: 'write', path: recordPath('z'), data },
    ...released,
    unrecord,
  ]);
}

async function assertOwnedIsReadable(disk: IPersistentBackingStore): Promise<void> {
  const reader = await ContentStore.open({ store: disk });
  for await (const { data } of disk.scan('dw://records/')) {
    const reference = JSON.parse(Buffer.from(data).toString()) as PayloadReference;
    expect(await isReadable(reader, reference)).toBe(true);
  }
}

async function releaseAll(disk: IPersistentBackingStore): Promise<void> {
  const living = await ContentStore.open({ store: disk });
  for await (const { path, data } of disk.scan('dw://records/')) {
    const reference = JSON.parse(Buffer.from(data).toString()) as PayloadReference;
    await disk.batch([
      ...living.release(reference, path.slice('dw://records/'.length)),
      { type: 'delete', path },
    ]);
  }
  await living.clean();
}
