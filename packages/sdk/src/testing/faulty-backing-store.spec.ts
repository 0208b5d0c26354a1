import { describe, expect, it } from 'vitest';
import { backingStoreConformance } from './backing-store-conformance.js';
import { FaultyBackingStore } from './faulty-backing-store.js';
import { MemoryBackingStore } from './memory-backing-store.js';

const path = 'dw://a/b';
const data = Uint8Array.of(1, 2, 3);

describe('FaultyBackingStore', () => {
  backingStoreConformance({
    test: it,
    open: async () => new FaultyBackingStore(new MemoryBackingStore()),
    damage: async (store, path) => {
      if (store instanceof FaultyBackingStore) store.damage(path);
      return store;
    },
  });

  it('fails as many writes as it was told to, and changes nothing', async () => {
    await using store = new FaultyBackingStore(new MemoryBackingStore());
    store.failWrites(new Error('disk gone'), { times: 2 });
    await expect(store.write(path, data)).rejects.toThrow('disk gone');
    await expect(store.batch([{ type: 'write', path, data }])).rejects.toThrow('disk gone');
    expect(await store.exists(path)).toBe(false);
    await store.write(path, data);
    expect(await store.read(path)).toEqual(data);
    expect(store.batches).toHaveLength(3);
  });

  it('makes the change all the same where only the answer is lost', async () => {
    await using store = new FaultyBackingStore(new MemoryBackingStore());
    store.failWrites(new Error('answer lost'), { isApplied: true });
    await expect(store.write(path, data)).rejects.toThrow('answer lost');
    expect(await store.read(path)).toEqual(data);
  });

  it('holds writes until released', async () => {
    await using store = new FaultyBackingStore(new MemoryBackingStore());
    const held = store.holdWrites();
    const write = store.write(path, data);
    await new Promise(setImmediate);
    expect(await store.exists(path)).toBe(false);
    held[Symbol.dispose]();
    await write;
    expect(await store.exists(path)).toBe(true);
  });

  it('calls a value damaged until it is written again', async () => {
    await using store = new FaultyBackingStore(new MemoryBackingStore());
    await store.write(path, data);
    store.damage(path);
    await expect(store.read(path)).rejects.toMatchObject({ code: 'DW_STORE_CORRUPT' });
    const scan = async (): Promise<number> => {
      let count = 0;
      for await (const entry of store.scan('dw://')) count += entry.data.length;
      return count;
    };
    await expect(scan()).rejects.toMatchObject({ code: 'DW_STORE_CORRUPT', details: { path } });
    await store.write(path, data);
    expect(await scan()).toBe(3);
  });
});
