import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../plugin/clock.js';
import { BoundedCache } from './bounded-cache.js';

const clockAt = (time: { ms: number }): Clock => ({
  now: () => time.ms,
  monotonicMs: () => time.ms,
  setTimeout: () => ({ [Symbol.dispose]: () => undefined }),
});

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const keys = (cache: BoundedCache<string, string>) => [...cache.entries()].map(([key]) => key);

describe('BoundedCache', () => {
  it('evicts the least recently used entry', () => {
    const cache = new BoundedCache<string, string>({ maxEntries: 2 });
    const gone: string[] = [];
    cache.onDidEvict(({ key, reason }) => gone.push(`${key} ${reason}`));
    cache.set('a', '1').set('b', '2');
    cache.get('a');
    cache.set('c', '3');
    expect(keys(cache)).toEqual(['c', 'a']);
    expect(gone).toEqual(['b evicted']);
  });

  it('holds its limit of bytes, and does not keep what is larger alone', () => {
    const cache = new BoundedCache<string, string>({ maxBytes: 10_000 });
    const large = 'x'.repeat(4_910);
    cache.set('a', large).set('b', large).set('c', '1');
    expect(keys(cache)).toEqual(['c', 'b']);
    const { totalBytes } = cache.statistics();
    // Keys, values, and what two entries take beside.
    expect(totalBytes).toBeGreaterThan(4_913 + 2 * 40);
    expect(totalBytes).toBeLessThan(4_913 + 2 * 140);
    cache.set('d', 'x'.repeat(10_000));
    expect(cache.has('d')).toBe(false);
  });

  it('treats an expired entry as absent everywhere', () => {
    const time = { ms: 0 };
    const cache = new BoundedCache<string, string>({ defaultTtlMs: 10, clock: clockAt(time) });
    cache.set('a', '1').set('b', '2', { ttlMs: 100 });
    time.ms = 10;
    expect(cache.has('a')).toBe(false);
    expect(cache.size).toBe(1);
    expect(keys(cache)).toEqual(['b']);
    expect(cache.statistics().expiredEntries).toBe(1);
  });

  it('shrinks by evicting the coldest, and grows without losing anything', () => {
    const cache = new BoundedCache<string, string>({ maxEntries: 4 });
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, key);
    cache.get('a');
    cache.reconfigure({ maxEntries: 2 });
    expect(keys(cache)).toEqual(['a', 'd']);
    cache.reconfigure({ maxEntries: 3 });
    cache.set('e', 'e');
    expect(keys(cache)).toEqual(['e', 'a', 'd']);
  });

  it('counts a hit or a miss once for each read', async () => {
    const cache = new BoundedCache<string, string>({ loader: async () => 'v' });
    await cache.load('a');
    await cache.load('a');
    cache.peek('b');
    expect(cache.statistics()).toMatchObject({ hits: 1, misses: 1, hitRatio: 0.5 });
  });

  it('loads a key once, however many ask', async () => {
    let loads = 0;
    const cache = new BoundedCache<string, string>({ loader: async () => `${(loads += 1)}` });
    const values = await Promise.all([cache.load('a'), cache.load('a'), cache.load('a')]);
    expect(values).toEqual(['1', '1', '1']);
    expect(cache.get('a')).toBe('1');
  });

  it('lets a value set during a load win', async () => {
    const loaded = deferred<string>();
    const cache = new BoundedCache<string, string>({ loader: () => loaded.promise });
    const asked = cache.load('a');
    cache.set('a', 'new');
    loaded.resolve('old');
    expect(await asked).toBe('new');
    expect(cache.get('a')).toBe('new');
  });

  it('does not bring back what was deleted during a load', async () => {
    const loaded = deferred<string>();
    const cache = new BoundedCache<string, string>({ loader: () => loaded.promise });
    const asked = cache.load('a');
    cache.delete('a');
    loaded.resolve('old');
    await asked;
    expect(cache.has('a')).toBe(false);
  });

  it('lets one caller abort without aborting the others', async () => {
    const loaded = deferred<string>();
    const cache = new BoundedCache<string, string>({ loader: () => loaded.promise });
    const abort = new AbortController();
    const impatient = cache.load('a', { signal: abort.signal });
    const patient = cache.load('a');
    abort.abort(new Error('enough'));
    await expect(impatient).rejects.toThrow('enough');
    loaded.resolve('v');
    expect(await patient).toBe('v');
  });

  it('passes a failed load on, and tries again the next time', async () => {
    let loads = 0;
    const cache = new BoundedCache<string, string>({
      loader: async () => {
        loads += 1;
        if (loads === 1) throw new Error('no luck');
        return 'v';
      },
    });
    await expect(cache.load('a')).rejects.toThrow('no luck');
    expect(await cache.load('a')).toBe('v');
  });

  it('returns what was set meanwhile, where the load fails', async () => {
    const cache = new BoundedCache<string, string>({
      loader: async () => {
        cache.set('a', 'set meanwhile');
        throw new Error('no luck');
      },
    });
    expect(await cache.load('a')).toBe('set meanwhile');
  });

  it('refuses limits that are out of range', () => {
    for (const maxEntries of [0, -1, 1.5, Number.NaN, 2 ** 24 + 1]) {
      expect(() => new BoundedCache({ maxEntries })).toThrow(
        expect.objectContaining({ code: 'DW_SCALING_INVALID_LIMITS' }),
      );
    }
  });

  it('keeps everything else when a value larger than the limit is set', () => {
    const sizeOf = (value: string) => value.length;
    const cache = new BoundedCache<string, string>({ maxBytes: 190, sizeOf });
    const evicted: string[] = [];
    cache.onDidEvict(({ key, value, reason }) => evicted.push(`${key} ${value} ${reason}`));
    cache.set('a', 'aaa').set('b', 'bbb');
    const large = 'x'.repeat(200);
    cache.set('a', large);
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 'bbb']);
    expect(evicted).toEqual([`a ${large} evicted`]);
    expect(cache.statistics()).toMatchObject({ itemCount: 1, evictions: 1 });
  });

  it('gives way to a great cut of its limits in steps', async () => {
    const cache = new BoundedCache<number, number>({ maxEntries: 50_000 });
    for (let key = 0; key < 50_000; key += 1) cache.set(key, key);
    cache.reconfigure({ maxEntries: 10 });
    expect(cache.size).toBeGreaterThan(10);
    while (cache.size > 10) await new Promise(setImmediate);
    expect([...cache.entries()].map(([key]) => key)).toEqual(
      Array.from({ length: 10 }, (_, index) => 49_999 - index),
    );
    expect(cache.statistics().evictions).toBe(49_990);
  });

  it('costs nothing in proportion to its limit', () => {
    const startedAt = performance.now();
    for (let count = 0; count < 100; count += 1) new BoundedCache({ maxEntries: 2 ** 24 });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('loses nothing when a listener throws', async () => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const cache = new BoundedCache<string, string>({ maxEntries: 2 });
    cache.onDidEvict(() => {
      throw new Error('listener failed');
    });
    cache.set('a', 'A').set('b', 'B').set('c', 'C');
    expect(keys(cache)).toEqual(['c', 'b']);
    expect(await warned).toMatchObject({ name: 'DataWarehouseListener' });
  });

  it('is whole again before a listener is called', () => {
    const cache = new BoundedCache<string, string>({ maxEntries: 2 });
    const seen: string[] = [];
    cache.onDidEvict(({ key }) => {
      seen.push(`${key}: ${keys(cache).join()}`);
      if (key === 'a') cache.set('from listener', 'x');
    });
    cache.set('a', 'A').set('b', 'B').set('c', 'C');
    expect(seen).toEqual(['a: c,b', 'b: from listener,c']);
  });

  it('lets different entries live for different times', () => {
    const time = { ms: 0 };
    const cache = new BoundedCache<string, string>({ defaultTtlMs: 100, clock: clockAt(time) });
    cache.set('short', 's', { ttlMs: 10 }).set('default', 'd');
    cache.set('long', 'l', { ttlMs: 1_000 });
    const sizes = [5, 10, 100, 1_000].map((ms) => {
      time.ms = ms;
      return cache.size;
    });
    expect(sizes).toEqual([3, 2, 1, 0]);
    expect(cache.statistics()).toMatchObject({ expiredEntries: 3, evictions: 0, totalBytes: 0 });
  });

  it('makes no room for a value that lives no time', () => {
    const cache = new BoundedCache<string, string>({ maxEntries: 1 });
    const gone: string[] = [];
    cache.onDidEvict(({ key, reason }) => gone.push(`${key} ${reason}`));
    cache.set('a', 'A').set('b', 'B', { ttlMs: 0 });
    expect([keys(cache), gone]).toEqual([['a'], ['b expired']]);
    cache.set('a', 'new', { ttlMs: 0 });
    expect([cache.size, cache.statistics().expiredEntries]).toEqual([0, 2]);
  });

  it('refuses values and loads once it is closed', async () => {
    const cache = new BoundedCache<string, string>({ loader: async () => 'v' });
    cache.set('a', 'A');
    await cache.close();
    await cache.close();
    expect([cache.size, cache.get('a')]).toEqual([0, undefined]);
    expect(() => cache.set('a', 'A')).toThrow(expect.objectContaining({ code: 'DW_CACHE_CLOSED' }));
    await expect(cache.load('a')).rejects.toMatchObject({ code: 'DW_CACHE_CLOSED' });
  });

  it('behaves as a plain list of entries would, whatever is done to it', () => {
    const key = fc.nat(12);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set'), key, bytes: fc.nat(600), ttlMs: fc.nat(30) }),
      fc.record({ kind: fc.constantFrom('get', 'peek', 'has', 'delete'), key }),
      fc.record({ kind: fc.constant('wait'), ms: fc.nat(15) }),
      fc.record({ kind: fc.constant('limits'), maxEntries: fc.integer({ min: 1, max: 12 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const time = { ms: 0 };
        const limits = { maxEntries: 6, maxBytes: 2_000 };
        const overheadBytes = 60;
        const sizeOf = (value: Uint8Array) => value.length;
        const cache = new BoundedCache<number, Uint8Array>({
          ...limits,
          sizeOf,
          clock: clockAt(time),
        });
        // From the least to the most recent.
        let model: { key: number; bytes: number; until: number }[] = [];
        const live = () => model.filter(({ until }) => until > time.ms);
        for (const some of steps) {
          if ('ms' in some) time.ms += some.ms;
          else if ('maxEntries' in some) {
            limits.maxEntries = some.maxEntries;
            cache.reconfigure(some);
          } else if ('bytes' in some) {
            cache.set(some.key, new Uint8Array(some.bytes), { ttlMs: some.ttlMs });
            model = model.filter((entry) => entry.key !== some.key);
            model.push({ key: some.key, bytes: some.bytes, until: time.ms + some.ttlMs });
          } else {
            const present = live().find((entry) => entry.key === some.key);
            if (some.kind === 'get') {
              expect(cache.get(some.key)?.length).toBe(present?.bytes);
              if (present) model = [...model.filter((entry) => entry !== present), present];
            }
            if (some.kind === 'peek') expect(cache.peek(some.key)?.length).toBe(present?.bytes);
            if (some.kind === 'has') expect(cache.has(some.key)).toBe(present !== undefined);
            if (some.kind === 'delete') {
              expect(cache.delete(some.key)).toBe(present !== undefined);
              model = model.filter((entry) => entry.key !== some.key);
            }
          }
          // Asking for its size makes the cache drop what has expired, before room is needed.
          expect(cache.size).toBe(Math.min(cache.size, limits.maxEntries));
          model = live();
          const bytes = () => model.reduce((sum, entry) => sum + entry.bytes + overheadBytes, 0);
          while (model.length > limits.maxEntries || bytes() > limits.maxBytes) model.shift();
          expect([...cache.entries()].map(([some]) => some)).toEqual(
            model.map((entry) => entry.key).reverse(),
          );
          expect(cache.statistics().totalBytes).toBe(bytes());
        }
      }),
      { numRuns: 500 },
    );
  });
});
