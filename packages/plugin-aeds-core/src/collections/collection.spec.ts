import { storePath } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Collection } from './collection.js';

const schema = z.strictObject({ value: z.int() });
type Item = z.output<typeof schema>;

describe('Collection', () => {
  let store: MemoryBackingStore;
  let items: Collection<Item>;

  beforeEach(() => {
    store = new MemoryBackingStore();
    items = new Collection({ name: 'items', store, schema });
  });

  it('keeps in the store what memory has no room for', async () => {
    items.reconfigure({ maxEntries: 2, maxBytes: 1_000_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), value: fc.nat() })),
        async (changes) => {
          // The store outlives each run of the property.
          const model = new Map<string, number>();
          for (const { id, value } of changes) {
            const isNew = await items.create(id, { value });
            if (!isNew) await items.update(id, () => ({ value }));
            model.set(id, value);
          }
          for (const [id, value] of model) expect(await items.get(id)).toEqual({ value });
          expect(items.statistics().itemCount).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('adds a record once', async () => {
    const made = await Promise.all([1, 2, 3].map((value) => items.create('a', { value })));
    expect(made).toEqual([true, false, false]);
    expect(await items.get('a')).toEqual({ value: 1 });
  });

  it('loses no change of many at once, and measures the waiting', async () => {
    await items.create('a', { value: 0 });
    const add = (): Promise<unknown> => items.update('a', ({ value }) => ({ value: value + 1 }));
    await Promise.all(Array.from({ length: 100 }, add));
    expect(await items.get('a')).toEqual({ value: 100 });
    expect(items.statistics()).toMatchObject({ acquisitions: 101, contentions: 99 });
  });

  it('changes nothing in memory where the store refused', async () => {
    await items.create('a', { value: 1 });
    store.batch = () => Promise.reject(new Error('full'));
    await expect(items.update('a', () => ({ value: 2 }))).rejects.toThrow('full');
    expect(await items.get('a')).toEqual({ value: 1 });
  });

  it('writes what belongs to a change with it', async () => {
    const path = storePath('aeds', 'marks', 'a');
    const mark = { type: 'write', path, data: Uint8Array.of(1) } as const;
    await items.create('a', { value: 1 }, { operations: () => [mark] });
    expect(await store.exists(path)).toBe(true);
    await items.update('a', () => ({ value: 2 }), {
      operations: () => [{ type: 'delete', path }],
    });
    expect(await store.exists(path)).toBe(false);
  });

  it('changes nothing where the same record comes back, and says where there is none', async () => {
    expect(await items.update('a', () => ({ value: 1 }))).toBeUndefined();
    await items.create('a', { value: 1 });
    store.batch = () => Promise.reject(new Error('must not be called'));
    expect(await items.update('a', (current) => current)).toEqual({ value: 1 });
  });

  it('pages through all records in either direction', async () => {
    for (let index = 0; index < 10; index += 1) {
      await items.create(`id${index}`, { value: index });
    }
    const page = await items.list({ limit: 3, after: 'id4', reverse: true });
    expect(page.map(({ value }) => value)).toEqual([3, 2, 1]);
    const all: number[] = [];
    for await (const { value } of items.all(3)) all.push(value);
    expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('finds records by an index, which changes with them', async () => {
    const odd = new Collection({
      ...{ name: 'numbers', store, schema },
      indexes: { parity: ({ value }) => [value % 2 === 0 ? 'even' : 'odd'] },
    });
    for (let value = 0; value < 6; value += 1) await odd.create(`id${value}`, { value });
    const values = async (value: string, page: object = {}): Promise<readonly number[]> =>
      (await odd.listBy({ index: 'parity', value }, { limit: 10, ...page })).map(
        (item) => item.value,
      );
    expect(await values('odd')).toEqual([1, 3, 5]);
    await odd.update('id3', () => ({ value: 8 }));
    expect(await values('odd')).toEqual([1, 5]);
    expect(await values('even', { reverse: true, limit: 3, after: 'id4' })).toEqual([8, 2, 0]);
    await store.batch(odd.stage('id9', { value: 9 }));
    expect(await values('odd', { after: 'id1' })).toEqual([5, 9]);
  });

  it('goes on while a write in another collection is stalled, and in other records of its own', async () => {
    const stalled = storePath('aeds', 'items', 'a');
    const write = store.batch.bind(store);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    store.batch = async (operations, options) => {
      if (operations.some(({ path }) => path === stalled)) await held;
      await write(operations, options);
    };
    const others = new Collection({ name: 'others', store, schema });
    const order: string[] = [];
    const note = (what: string) => (): void => void order.push(what);
    const first = items.create('a', { value: 1 }).then(note('stalled'));
    const behind = items.update('a', () => ({ value: 2 })).then(note('behind it'));
    for (const [name, collection] of Object.entries({ others, items })) {
      await collection.create('b', { value: 1 }).then(note(`${name} made`));
      await collection.update('b', () => ({ value: 2 })).then(note(`${name} changed`));
      await collection.get('b').then(note(`${name} read`));
    }
    release();
    await Promise.all([first, behind]);
    const made = ['made', 'changed', 'read'];
    expect(order).toEqual([
      ...made.map((what) => `others ${what}`),
      ...made.map((what) => `items ${what}`),
      ...['stalled', 'behind it'],
    ]);
    expect(others.statistics()).toMatchObject({ contentions: 0 });
    expect(items.statistics()).toMatchObject({ contentions: 1 });
  });

  it('refuses a damaged record', async () => {
    await store.write(storePath('aeds', 'items', 'a'), Buffer.from('{"value":"x"}'));
    await expect(items.get('a')).rejects.toMatchObject({ code: 'DW_AEDS_RECORD_DAMAGED' });
  });
});
