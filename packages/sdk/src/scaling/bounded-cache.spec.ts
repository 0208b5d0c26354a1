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
    const cache = new BoundedCache<string, string>({ maxBytes: 10 });
    cache.set('a', '12345').set('b', '12345').set('c', '1');
    expect(keys(cache)).toEqual(['c', 'b']);
    expect(cache.statistics().totalBytes).toBe(6);
    cache.set('d', 'x'.repeat(11));
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

  it('refuses limits that are out of range', () => {
    for (const maxEntries of [0, -1, 1.5, Number.NaN, 2 ** 24 + 1]) {
      expect(() => new BoundedCache({ maxEntries })).toThrow(
        expect.objectContaining({ code: 'DW_SCALING_INVALID_LIMITS' }),
      );
    }
  });
});
