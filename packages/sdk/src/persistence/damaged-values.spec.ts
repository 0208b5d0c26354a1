import { beforeEach, describe, expect, it } from 'vitest';
import { storeError } from '../errors/store-errors.js';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { readValue, scanValues } from './damaged-values.js';
import type { BackingStoreListOptions } from './persistent-backing-store.js';

let store: FaultyBackingStore;

async function scanned(options?: BackingStoreListOptions): Promise<string[]> {
  const seen: string[] = [];
  for await (const { path, data } of scanValues(store, 'dw://a/', options)) {
    seen.push(`${path.slice(7)}${data === undefined ? '!' : ''}`);
  }
  return seen;
}

beforeEach(async () => {
  store = new FaultyBackingStore(new MemoryBackingStore());
  for (const name of ['1', '2', '3', '4', '5']) {
    await store.write(`dw://a/${name}`, Buffer.from(name));
  }
});

describe('scanValues', () => {
  it('scans as the store does where nothing is damaged', async () => {
    expect(await scanned()).toEqual(['1', '2', '3', '4', '5']);
    expect(await scanned({ after: 'dw://a/2', limit: 2 })).toEqual(['3', '4']);
    expect(await scanned({ limit: 0 })).toEqual([]);
  });

  it('goes on past damaged values, and counts them', async () => {
    for (const name of ['1', '3', '4', '5']) store.damage(`dw://a/${name}`);
    expect(await scanned()).toEqual(['1!', '2', '3!', '4!', '5!']);
    expect(await scanned({ reverse: true })).toEqual(['5!', '4!', '3!', '2', '1!']);
    expect(await scanned({ reverse: true, after: 'dw://a/4', limit: 2 })).toEqual(['3!', '2']);
  });

  it('takes no good value for damaged where the store refuses a whole page', async () => {
    store.damage('dw://a/3');
    const scan = store.scan.bind(store);
    store.scan = async function* (...parameters) {
      const page = [];
      for await (const entry of scan(...parameters)) page.push(entry);
      yield* page;
    };
    expect(await scanned()).toEqual(['1', '2', '3!', '4', '5']);
  });

  it('passes every other failure on', async () => {
    // eslint-disable-next-line require-yield
    store.scan = async function* () {
      throw storeError('DW_STORE_IO');
    };
    await expect(scanned()).rejects.toMatchObject({ code: 'DW_STORE_IO' });
  });
});

describe('readValue', () => {
  it('tells data, damage and nothing apart', async () => {
    store.damage('dw://a/1');
    expect(await readValue(store, 'dw://a/1')).toEqual({ path: 'dw://a/1', data: undefined });
    expect((await readValue(store, 'dw://a/2'))?.data).toEqual(new Uint8Array(Buffer.from('2')));
    expect(await readValue(store, 'dw://a/9')).toBeUndefined();
  });
});
