import { describe, expect, it } from 'vitest';
import { storeError } from '../errors/store-errors.js';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { BoundedCache } from './bounded-cache.js';
import type { BoundedCacheOptions } from './bounded-cache-options.js';

const backingStorePath = 'dw://cache/notes/texts/';
const broken = storeError('DW_STORE_IO');
const full = { code: 'DW_CACHE_BACKLOG_FULL', retryable: true };

/** Lets everything go on that waits on promises alone. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A cache whose store takes nothing until told, with one change on its way there. */
async function held(options: BoundedCacheOptions<string, string> = {}) {
  const store = new FaultyBackingStore(new MemoryBackingStore());
  const clock = new ManualClock();
  const cache = new BoundedCache<string, string>({
    ...{ backingStore: store, backingStorePath, clock, maxPendingWrites: 3, ...options },
  });
  const writing = store.holdWrites();
  cache.set('first', '1');
  await turn();
  return { store, clock, cache, release: () => writing[Symbol.dispose]() };
}

/** Notes when promises settle. */
function settling() {
  const done: string[] = [];
  const note = (name: string, promise: Promise<unknown>): void => {
    promise.then(
      () => done.push(name),
      (error: unknown) => done.push(`${name} ${String((error as { code?: string }).code)}`),
    );
  };
  return { done, note };
}

describe('a full backlog of a BoundedCache', () => {
  it('refuses set and delete, which change nothing then', async () => {
    const { cache, release } = await held();
    cache.set('a', '1').set('b', '1');
    expect(() => cache.set('c', '1')).toThrow(expect.objectContaining(full));
    expect(() => cache.delete('first')).toThrow(expect.objectContaining(full));
    expect(cache.get('c')).toBeUndefined();
    expect(cache.get('first')).toBe('1');
    expect(cache.statistics().backing).toMatchObject({ pendingWrites: 3, acceptedWrites: 3 });
    release();
    await cache.flush();
    cache.set('c', '1');
    await cache.close();
  });

  it('still takes a later change of a key that waits', async () => {
    const { cache, release } = await held();
    cache.set('a', '1').set('b', '1').set('a', '2');
    cache.delete('b');
    expect([cache.get('a'), cache.get('b')]).toEqual(['2', undefined]);
    release();
    await cache.close();
  });

  it('is full by bytes too, where a larger value of a key that waits counts anew', async () => {
    const { cache, release } = await held({ maxPendingBytes: 1_000 });
    cache.set('a', 'x'.repeat(100));
    expect(() => cache.set('b', 'x'.repeat(400))).toThrow(expect.objectContaining(full));
    expect(() => cache.set('a', 'x'.repeat(600))).toThrow(expect.objectContaining(full));
    expect(cache.get('a')).toHaveLength(100);
    cache.set('a', 'x').set('b', 'x'.repeat(99));
    expect(cache.statistics().backing?.pendingBytes).toBeLessThanOrEqual(1_000);
    release();
    await cache.flush();
    // Alone a change may be larger than all together.
    cache.set('a', 'x'.repeat(2_000));
    await cache.close();
  });

  it('has put and remove wait, in order', async () => {
    const { store, cache, release } = await held();
    cache.set('a', '1').set('b', '1');
    const { done, note } = settling();
    note('put c', cache.put('c', '1'));
    note('remove c', cache.remove('c'));
    note('put d', cache.put('d', '1'));
    await turn();
    expect(done).toEqual([]);
    expect(cache.has('d')).toBe(false);
    release();
    await turn();
    expect(done).toEqual(['put c', 'remove c', 'put d']);
    await cache.flush();
    expect([cache.get('c'), cache.get('d')]).toEqual([undefined, '1']);
    expect(await store.exists(`${backingStorePath}c`)).toBe(false);
    expect(await store.exists(`${backingStorePath}d`)).toBe(true);
  });

  it('lets no change of a key overtake another that waits for room', async () => {
    const { cache, release } = await held();
    cache.set('a', '1').set('b', 'x'.repeat(100));
    const putting = cache.put('c', 'older');
    expect(() => cache.set('c', 'newer')).toThrow(expect.objectContaining(full));
    const later = cache.put('c', 'newer');
    release();
    await Promise.all([putting, later]);
    expect(cache.get('c')).toBe('newer');
    await cache.close();
  });

  it('lets a put be aborted while it waits, and changes nothing then', async () => {
    const { cache, release } = await held();
    cache.set('a', '1').set('b', '1');
    const abort = new AbortController();
    const putting = cache.put('c', '1', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(putting).rejects.toThrow('enough');
    release();
    await cache.flush();
    expect(await cache.load('c')).toBeUndefined();
    cache.set('c', '2');
    await cache.close();
  });

  it('makes what waits for room needless when cleared', async () => {
    const { store, cache, release } = await held();
    cache.set('a', '1').set('b', '1');
    const putting = cache.put('c', '1');
    cache.clear();
    await putting;
    expect(cache.get('c')).toBeUndefined();
    release();
    await cache.flush();
    for (const key of ['first', 'a', 'b', 'c'])
      expect(await store.exists(backingStorePath + key)).toBe(false);
  });

  it('refuses what waits for room when closed', async () => {
    const { cache, release } = await held();
    cache.set('a', '1').set('b', '1');
    const { done, note } = settling();
    note('put c', cache.put('c', '1'));
    const closing = cache.close();
    await turn();
    expect(done).toEqual(['put c DW_CACHE_CLOSED']);
    release();
    await closing;
  });
});

describe('put and remove of a BoundedCache', () => {
  it('resolve at once with write-behind, and when the store has the change with write-through', async () => {
    for (const writeThrough of [false, true]) {
      const { store, cache, release } = await held({ writeThrough });
      const { done, note } = settling();
      note('put', cache.put('a', '1'));
      note('remove', cache.remove('b'));
      await turn();
      expect(cache.get('a')).toBe('1');
      expect(done).toEqual(writeThrough ? [] : ['put', 'remove']);
      release();
      await turn();
      expect(done).toEqual(['put', 'remove']);
      expect(await store.exists(`${backingStorePath}a`)).toBe(true);
      await cache.close();
    }
  });

  it('reject with write-through where the store does; the change stays, and is tried again', async () => {
    const { store, cache, release } = await held({ writeThrough: true });
    release();
    await cache.flush();
    store.failWrites(broken);
    await expect(cache.put('a', '1')).rejects.toMatchObject({
      ...{ code: 'DW_CACHE_WRITE_FAILED', cause: broken, details: { keys: ['a'] } },
    });
    expect(cache.get('a')).toBe('1');
    await cache.put('b', '2');
    expect(await store.exists(`${backingStorePath}a`)).toBe(true);
    await cache.close();
  });

  it('do not wait for the next attempt of changes that failed', async () => {
    const { store, clock, cache, release } = await held({ writeThrough: true });
    release();
    store.failWrites(broken);
    await cache.flush();
    cache.set('a', '1');
    await turn();
    expect(clock.pendingTimers).toBeGreaterThan(0);
    await cache.put('b', '2');
    expect(await store.exists(`${backingStorePath}b`)).toBe(true);
    await cache.close();
  });

  it('end only the wait when aborted, where the change is on its way', async () => {
    const { store, cache, release } = await held({ writeThrough: true });
    const abort = new AbortController();
    const putting = cache.put('a', '1', { signal: abort.signal });
    await turn();
    abort.abort(new Error('enough'));
    await expect(putting).rejects.toThrow('enough');
    release();
    await cache.flush();
    expect(await store.exists(`${backingStorePath}a`)).toBe(true);
    await expect(cache.put('b', '1', { signal: abort.signal })).rejects.toThrow('enough');
    expect(cache.has('b')).toBe(false);
  });

  it('change a cache without a store at once', async () => {
    const cache = new BoundedCache<string, string>();
    await cache.put('a', '1', { ttlMs: 1_000 });
    expect(cache.get('a')).toBe('1');
    await cache.remove('a');
    expect(cache.has('a')).toBe(false);
    await cache.flush();
    await cache.close();
    await expect(cache.put('a', '1')).rejects.toMatchObject({ code: 'DW_CACHE_CLOSED' });
  });
});
