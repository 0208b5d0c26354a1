import { afterEach, describe, expect, it, vi } from 'vitest';
import { storeError } from '../errors/store-errors.js';
import { storePath } from '../persistence/store-path.js';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { BoundedCache } from './bounded-cache.js';
import type { BoundedCacheOptions } from './bounded-cache-options.js';

const backingStorePath = 'dw://cache/notes/texts/';
const pathOf = (key: string) => storePath('cache', 'notes', 'texts', key);
const broken = storeError('DW_STORE_IO');

const newStore = () => new FaultyBackingStore(new MemoryBackingStore());

type Options = BoundedCacheOptions<string, string>;

const open = (backingStore: FaultyBackingStore, options: Options = {}) =>
  new BoundedCache<string, string>({ backingStore, backingStorePath, ...options });

/** Lets everything go on that waits on promises alone. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What each write so far did, batch by batch. */
const written = (store: FaultyBackingStore) =>
  store.batches.map((batch) =>
    batch.map(({ type, path }) => `${type} ${path.slice(backingStorePath.length)}`),
  );

const stored = async (store: FaultyBackingStore) => {
  const keys: string[] = [];
  for await (const path of store.list(backingStorePath))
    keys.push(path.slice(backingStorePath.length));
  return keys;
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe('BoundedCache over a store', () => {
  it.each(['LRU', 'TTL', 'ARC', 'W-TinyLFU'] as const)(
    'loads what %s evicted',
    async (eviction) => {
      const cache = open(newStore(), { maxEntries: 1, eviction });
      cache.set('a', '1').set('b', '2').set('c', '3');
      await cache.flush();
      const loaded = await Promise.all(['a', 'b', 'c'].map((key) => cache.load(key)));
      expect(loaded).toEqual(['1', '2', '3']);
      expect(cache.size).toBe(1);
    },
  );

  it('reads a value that was evicted before the store had it', async () => {
    const store = newStore();
    const cache = open(store, { maxEntries: 1 });
    const writing = store.holdWrites();
    cache.set('a', '1');
    await turn();
    cache.set('b', '2').set('c', '3');
    expect([...cache.entries()]).toEqual([['c', '3']]);
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['1', '2', '3']);
    expect(await cache.load('a')).toBe('1');
    expect(cache.has('b')).toBe(true);
    writing[Symbol.dispose]();
    await cache.flush();
    expect(await stored(store)).toEqual(['a', 'b', 'c']);
  });

  it('reads a value again that is larger than the whole memory', async () => {
    const cache = open(newStore(), { maxBytes: 500 });
    cache.set('a', 'x'.repeat(1_000));
    expect(cache.size).toBe(0);
    await cache.flush();
    expect(await cache.load('a')).toHaveLength(1_000);
  });

  it('writes the changes of one turn in one batch, of each key the last', async () => {
    const store = newStore();
    const cache = open(store);
    cache.set('a', '1').set('b', '1').set('a', '2');
    cache.delete('b');
    await cache.flush();
    expect(written(store)).toEqual([['write a', 'delete b']]);
    expect(cache.statistics().backing).toMatchObject({
      ...{ acceptedWrites: 4, storedWrites: 2, supersededWrites: 2, pendingWrites: 0 },
    });
  });

  it('writes a newer value after the older one that is on its way', async () => {
    const store = newStore();
    const cache = open(store);
    const writing = store.holdWrites();
    cache.set('a', 'old');
    await turn();
    cache.set('a', 'new');
    writing[Symbol.dispose]();
    await cache.close();
    expect(written(store)).toEqual([['write a'], ['write a']]);
    expect(await open(store).load('a')).toBe('new');
  });

  it('does not write a value again that it loaded or wrote', async () => {
    const store = newStore();
    const cache = open(store, { maxEntries: 1 });
    cache.set('a', '1').set('b', '2');
    await cache.flush();
    for (const key of ['a', 'b', 'a', 'b']) await cache.load(key);
    await cache.close();
    expect(written(store)).toEqual([['write a', 'write b']]);
  });

  it('removes what is deleted, also where the memory does not hold it', async () => {
    const store = newStore();
    const cache = open(store, { maxEntries: 1 });
    cache.set('a', '1').set('b', '2');
    await cache.flush();
    cache.delete('a');
    expect(await cache.load('a')).toBeUndefined();
    await cache.flush();
    expect(await stored(store)).toEqual(['b']);
    expect(await open(store).load('a')).toBeUndefined();
  });

  it('removes everything, what is on its way too, when cleared', async () => {
    const store = newStore();
    const cache = open(store);
    cache.set('a', '1').set('b', '2');
    await cache.flush();
    const writing = store.holdWrites();
    cache.set('c', '3');
    await turn();
    cache.set('d', '4').clear();
    expect(await Promise.all(['a', 'c', 'd'].map((key) => cache.load(key)))).toEqual([
      ...[undefined, undefined, undefined],
    ]);
    cache.set('e', '5');
    writing[Symbol.dispose]();
    await cache.flush();
    expect(await stored(store)).toEqual(['e']);
  });

  it('clears more than one page of the store, and nothing beside its path', async () => {
    const store = newStore();
    const cache = open(store, { maxEntries: 10 });
    await store.write('dw://cache/notes/texts-of-others/a', Buffer.from('1'));
    for (let index = 0; index < 2_500; index += 1) cache.set(`${index}`, 'v');
    await cache.flush();
    cache.clear();
    await cache.flush();
    expect(await stored(store)).toEqual([]);
    expect(await store.exists('dw://cache/notes/texts-of-others/a')).toBe(true);
  });

  it('writes what waits when it is closed, and is closed then', async () => {
    const store = newStore();
    const cache = open(store);
    cache.set('a', '1');
    const closing = cache.close();
    const closed = { code: 'DW_CACHE_CLOSED' };
    expect(() => cache.set('b', '2')).toThrow(expect.objectContaining(closed));
    expect(() => cache.delete('a')).toThrow(expect.objectContaining(closed));
    await expect(cache.put('b', '2')).rejects.toMatchObject(closed);
    await expect(cache.remove('a')).rejects.toMatchObject(closed);
    await expect(cache.load('a')).rejects.toMatchObject(closed);
    await closing;
    await cache.close();
    expect(await stored(store)).toEqual(['a']);
    expect(await store.exists(pathOf('a'))).toBe(true);
  });

  it('escapes keys, so that each has its own path', async () => {
    const store = newStore();
    const cache = open(store);
    const keys = ['eu/node1', 'eu%2Fnode1', '..', '', 'ä', 'a b'];
    for (const key of keys) cache.set(key, `value of ${key}`);
    await cache.close();
    expect(await stored(store)).toEqual([
      '%',
      '%2E.',
      '%C3%A4',
      'a%20b',
      'eu%252Fnode1',
      'eu%2Fnode1',
    ]);
    const again = open(store);
    for (const key of keys) expect(await again.load(key)).toBe(`value of ${key}`);
  });

  it('refuses a key that makes no path, and changes nothing', async () => {
    const cache = open(newStore());
    const invalid = expect.objectContaining({ code: 'DW_STORE_INVALID_PATH' });
    expect(() => cache.set('\ud800', '1')).toThrow(invalid);
    expect(() => cache.set('x'.repeat(20_000), '1')).toThrow(invalid);
    expect(cache.size).toBe(0);
    await cache.flush();
  });

  it('stores values under keys of any kind by keyToString, and of any kind by a serializer', async () => {
    const store = newStore();
    const options = {
      ...{ backingStore: store, backingStorePath },
      keyToString: ({ id }: { id: number }) => `id ${id}`,
      serializer: (value: Date) => value.toISOString(),
      deserializer: (data: Uint8Array) => new Date(Buffer.from(data).toString()),
    };
    const cache = new BoundedCache<{ id: number }, Date>(options);
    cache.set({ id: 1 }, new Date(0));
    await cache.close();
    expect(await stored(store)).toEqual(['id%201']);
    const again = new BoundedCache<{ id: number }, Date>(options);
    expect(await again.load({ id: 1 })).toEqual(new Date(0));
  });

  it('asks for keyToString where keys are neither text nor numbers', () => {
    const cache = new BoundedCache<object, string>({ backingStore: newStore(), backingStorePath });
    expect(() => cache.set({}, '1')).toThrow(TypeError);
    expect(cache.size).toBe(0);
  });

  it('refuses options that do not fit together', () => {
    const backingStore = newStore();
    const make = (options: Options) => () => new BoundedCache<string, string>(options);
    expect(make({ backingStore })).toThrow(TypeError);
    expect(make({ backingStore, backingStorePath: 'dw://' })).toThrow(TypeError);
    expect(make({ backingStore, backingStorePath: 'cache/' })).toThrow(
      expect.objectContaining({ code: 'DW_STORE_INVALID_PATH' }),
    );
    expect(make({ backingStore, backingStorePath, serializer: String })).toThrow(TypeError);
    for (const wrong of [{ maxPendingWrites: 0 }, { maxPendingBytes: 0 }, { absentTtlMs: -1 }])
      expect(make({ backingStore, backingStorePath, ...wrong })).toThrow(
        expect.objectContaining({ code: 'DW_SCALING_INVALID_LIMITS' }),
      );
  });

  it('refuses a value that cannot be encoded, and changes nothing', async () => {
    const store = newStore();
    const cache = new BoundedCache<string, object>({ backingStore: store, backingStorePath });
    cache.set('a', { n: 1 });
    const refused = expect.objectContaining({ code: 'DW_CACHE_ENCODE_FAILED' });
    expect(() => cache.set('a', new Map())).toThrow(refused);
    await expect(cache.put('a', new Date())).rejects.toEqual(refused);
    expect(cache.get('a')).toEqual({ n: 1 });
    await cache.close();
  });

  it('reports a stored value that it cannot read back, and counts it', async () => {
    const store = newStore();
    await store.write(pathOf('a'), Buffer.from('not one of ours'));
    const cache = open(store);
    await expect(cache.load('a')).rejects.toMatchObject({
      ...{ code: 'DW_CACHE_DECODE_FAILED', details: { path: pathOf('a') } },
    });
    expect(cache.statistics().backing?.decodeFailures).toBe(1);
    cache.set('a', 'healed');
    await cache.close();
    expect(await open(store).load('a')).toBe('healed');
  });
});

describe('BoundedCache over a store, as time passes', () => {
  it('stores when a value expires, and does not give it after that', async () => {
    const store = newStore();
    const clock = new ManualClock();
    const cache = open(store, { clock, defaultTtlMs: 100 });
    cache.set('a', '1').set('b', '2', { ttlMs: 1_000 });
    await cache.close();
    clock.advance(60);
    const again = open(store, { clock });
    expect(await again.load('a')).toBe('1');
    clock.advance(40);
    expect(again.get('a')).toBeUndefined();
    expect(await again.load('a')).toBeUndefined();
    expect(await again.load('b')).toBe('2');
    await again.close();
  });

  it('removes an expired value from the store when it meets it', async () => {
    const store = newStore();
    const clock = new ManualClock();
    const cache = open(store, { clock, maxEntries: 1 });
    cache.set('loaded', '1', { ttlMs: 100 }).set('held', '2', { ttlMs: 100 });
    await cache.flush();
    clock.advance(100);
    expect(await cache.load('loaded')).toBeUndefined();
    expect(cache.size).toBe(0);
    await cache.flush();
    expect(await stored(store)).toEqual([]);
  });

  it('does not write what expires on its way, but removes what it replaces', async () => {
    const store = newStore();
    const clock = new ManualClock();
    const cache = open(store, { clock });
    cache.set('a', 'old');
    await cache.flush();
    const writing = store.holdWrites();
    cache.set('b', '1');
    await turn();
    cache.set('a', 'new', { ttlMs: 100 });
    clock.advance(100);
    expect(cache.get('a')).toBeUndefined();
    writing[Symbol.dispose]();
    await cache.flush();
    expect(await stored(store)).toEqual(['b']);
  });

  it('knows for a while that a key is absent', async () => {
    const store = newStore();
    const clock = new ManualClock();
    const reads = vi.spyOn(store, 'read');
    const cache = open(store, { clock, absentTtlMs: 100 });
    for (let index = 0; index < 3; index += 1) expect(await cache.load('a')).toBeUndefined();
    expect(reads).toHaveBeenCalledTimes(1);
    clock.advance(100);
    await cache.load('a');
    expect(reads).toHaveBeenCalledTimes(2);
    cache.set('a', '1');
    expect(await cache.load('a')).toBe('1');
    expect(cache.statistics()).toMatchObject({ hits: 1, misses: 4, backing: { absentHits: 2 } });
  });
});

describe('BoundedCache over a store that fails', () => {
  it('keeps what could not be written, tells so, and writes it again', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const store = newStore();
    const clock = new ManualClock();
    const cache = open(store, { clock });
    const failures: unknown[] = [];
    cache.onDidFailWrite((failure) => failures.push(failure));
    store.failWrites(broken, { times: 2 });
    cache.set('a', '1');
    await turn();
    expect(failures).toEqual([{ keys: ['a'], error: broken }]);
    expect(cache.statistics().backing).toMatchObject({ failedWrites: 1, pendingWrites: 1 });
    await clock.elapse(100);
    await turn();
    expect(failures).toHaveLength(2);
    await clock.elapse(199);
    expect(await stored(store)).toEqual([]);
    await clock.elapse(1);
    await turn();
    expect(await stored(store)).toEqual(['a']);
    expect(cache.statistics().backing).toMatchObject({ failedWrites: 2, pendingWrites: 0 });
  });

  it('names the keys that a flush could not write, and tries at once at the next', async () => {
    const store = newStore();
    const cache = open(store, { clock: new ManualClock() });
    store.failWrites(broken, { times: 3 });
    cache.set('a', '1').set('b', '2');
    await expect(cache.flush()).rejects.toMatchObject({
      ...{ code: 'DW_CACHE_WRITE_FAILED', retryable: true, cause: broken },
      details: { keys: ['a', 'b'], keyCount: 2 },
    });
    expect(cache.get('a')).toBe('1');
    await cache.flush();
    expect(await stored(store)).toEqual(['a', 'b']);
  });

  it('lets a change that the store refuses hold back no other', async () => {
    const inner = new MemoryBackingStore();
    const store = newStore();
    vi.spyOn(store, 'batch').mockImplementation(async (operations) => {
      if (operations.some(({ path }) => path === pathOf('37'))) throw broken;
      await inner.batch(operations);
    });
    const cache = open(store, { clock: new ManualClock() });
    for (let index = 0; index < 1_000; index += 1) cache.set(`${index}`, 'v');
    await expect(cache.flush()).rejects.toMatchObject({ details: { keys: ['37'], keyCount: 1 } });
    expect(cache.statistics().backing).toMatchObject({ storedWrites: 999, pendingWrites: 1 });
  });

  it('finds out soon that a store is down', async () => {
    const store = newStore();
    const cache = open(store, { clock: new ManualClock() });
    store.failWrites(broken, { times: 1_000 });
    for (let index = 0; index < 250; index += 1) cache.set(`${index}`, 'v');
    await expect(cache.flush()).rejects.toMatchObject({ details: { keyCount: 250 } });
    expect(store.batches.length).toBeLessThan(20);
  });

  it('tries several times when closed, and names what is lost', async () => {
    const store = newStore();
    const clock = new ManualClock();
    const cache = open(store, { clock });
    store.failWrites(broken, { times: 2 });
    cache.set('a', '1');
    const closing = cache.close();
    await clock.elapse(1_000);
    await closing;
    expect(await stored(store)).toEqual(['a']);
    const lost = open(store, { clock });
    store.failWrites(broken, { times: 100 });
    lost.set('b', '1');
    const losing = expect(lost.close()).rejects.toMatchObject({
      ...{ code: 'DW_CACHE_WRITE_FAILED', details: { keys: ['b'] } },
    });
    await clock.elapse(20_000);
    await losing;
    expect(clock.pendingTimers).toBe(0);
  });

  it('clears the store again until it is empty', async () => {
    const store = newStore();
    const cache = open(store, { clock: new ManualClock() });
    cache.set('a', '1');
    await cache.flush();
    store.failWrites(broken);
    cache.clear();
    await expect(cache.flush()).rejects.toMatchObject({ details: { keys: ['*'] } });
    expect(await cache.load('a')).toBeUndefined();
    await cache.flush();
    expect(await stored(store)).toEqual([]);
  });

  it('loses nothing where listeners throw or change the cache', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const store = newStore();
    const cache = open(store, { maxEntries: 1, clock: new ManualClock() });
    cache.onDidEvict(({ key, value }) => {
      if (key === 'a') cache.set('a again', value);
      throw new Error('listener failed');
    });
    cache.onDidFailWrite(() => {
      cache.set('late', '1');
      throw new Error('listener failed');
    });
    store.failWrites(broken, { times: 7 });
    cache.set('a', '1').set('b', '2').set('c', '3');
    await expect(cache.flush()).rejects.toMatchObject({ code: 'DW_CACHE_WRITE_FAILED' });
    await cache.close();
    expect(await stored(store)).toEqual(['a', 'a%20again', 'b', 'c', 'late']);
    expect(warn).toHaveBeenCalled();
  });
});
