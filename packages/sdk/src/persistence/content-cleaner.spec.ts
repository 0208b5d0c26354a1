import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  contentOf,
  dyingAfter,
  isReadable,
  pathsIn,
  range,
  slow,
} from '../testing/content-fixtures.js';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { ContentStore } from './content-store.js';
import { CONTENT_CHUNK_BYTES, type PayloadReference } from './payload-reference.js';

let memory: MemoryBackingStore;
let content: ContentStore;

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
    expect(await content.clean()).toMatchObject({ removedChunks: 0, removedBytes: 0 });
    expect(await content.has(small)).toBe(false);
    expect(await isReadable(content, one)).toBe(true);
    expect(await isReadable(content, large)).toBe(true);
    await memory.batch(content.release(one, 'a'));
    expect(await content.clean()).toMatchObject({
      removedChunks: 1,
      removedBytes: CONTENT_CHUNK_BYTES,
    });
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
      const dying = await ContentStore.open({
        store: dyingAfter(dyingAt, { store: memory, medium: undefined }).store,
      });
      await expect(dying.put(data, { owner: 'a' })).rejects.toThrow('died');
      content = await ContentStore.open({ store: memory });
      await content.clean();
      expect(await pathsIn(memory)).toEqual([]);
    }
  }, 60_000);
});
