import { storePath, storePrefix } from '@datawarehouse/sdk';
import { FaultyBackingStore, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Collection } from './collection.js';

const schema = z.strictObject({ value: z.int(), group: z.string() });
type Item = z.output<typeof schema>;

const isSoak = process.env['DW_SOAK'] === '1';
const operationCount = isSoak ? 1_000_000 : 100_000;
const idCount = 2_000;
const callsAtOnce = 50;

/** Numbers that follow from a seed (mulberry32, by Tommy Ettinger). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('a Collection with a cache of 1 % of its records', { timeout: 600_000 }, () => {
  it(`loses none of ${operationCount.toLocaleString('en')} random changes, over crashes and refusals`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = randomFrom(seed);
    const store = new FaultyBackingStore(new MemoryBackingStore());
    const model = new Map<string, number>();
    const open = (): Collection<Item> => {
      const items = new Collection({
        ...{ name: 'items', store, schema },
        indexes: { group: ({ group }) => [group] },
      });
      items.reconfigure({ maxEntries: idCount / 100, maxBytes: 1_000_000 });
      return items;
    };
    let items = open();

    const change = async (id: string, value: number): Promise<void> => {
      const item = { value, group: `g${value % 7}` };
      const before = model.get(id) ?? 0;
      try {
        if (!(await items.create(id, item))) {
          await items.update(id, (current) => ({ ...item, value: current.value + value }));
        }
      } catch (error) {
        // What was refused has not happened.
        if (!(error instanceof Error && error.message === 'full')) throw error;
        return;
      }
      model.set(id, before + value);
    };
    const act = async (id: string, value: number, isRead: boolean): Promise<void> => {
      if (!isRead) await change(id, value);
      else expect((await items.get(id))?.value, `seed ${seed}`).toBe(model.get(id));
    };

    for (let done = 0; done < operationCount; done += callsAtOnce) {
      const first = Math.floor(random() * idCount);
      const calls = Array.from({ length: callsAtOnce }, (_, index) => {
        const id = `id${(first + index * 31) % idCount}`;
        return act(id, Math.floor(random() * 1_000), random() < 0.5);
      });
      if (random() < 0.05) store.failWrites(new Error('full'));
      await Promise.all(calls);
      // Memory is gone, as after a kill; the store is all that is left.
      if (random() < 0.01) items = open();
    }
    expect(items.statistics().itemCount).toBeLessThanOrEqual(idCount / 100);
    items = open();
    const stored = new Map<string, number>();
    for (const id of model.keys()) stored.set(id, (await items.get(id))?.value ?? -1);
    expect(stored, `seed ${seed}`).toEqual(model);

    // Each record is in the index once, where its value says.
    let indexed = 0;
    for await (const path of store.list(storePrefix('aeds', 'index', 'items', 'group'))) {
      indexed += 1;
      const id = path.split('/').at(-1) ?? '';
      const group = path.split('/').at(-2);
      expect((await items.get(id))?.group, `seed ${seed}`).toBe(group);
    }
    expect(indexed).toBe(model.size);
    expect(await store.exists(storePath('aeds', 'items', 'id0'))).toBe(model.has('id0'));
  });
});
