import { describe, expect, it } from 'vitest';
import { BoundedCache } from '../bounded-cache.js';
import type { EvictionPolicyName } from '../eviction/eviction-policy.js';

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function run(cache: BoundedCache<number, number>, requests: readonly number[]): number {
  for (const key of requests) if (cache.get(key) === undefined) cache.set(key, key);
  return cache.statistics().hitRatio;
}

describe('BoundedCache.estimate', () => {
  it.each<[EvictionPolicyName, number, number]>([
    ['LRU', 300, 0.005],
    ['LRU', 3_000, 0.005],
    ['ARC', 1_000, 0.005],
    ['W-TinyLFU', 1_000, 0.02],
  ])('tells the hit ratio of %s with %d entries', (eviction, entries, tolerance) => {
    const random = randomOf(11);
    const requests = Array.from({ length: 60_000 }, () => Math.floor(20_000 * random() ** 3));
    const watched = new BoundedCache<number, number>({ maxEntries: 500, estimates: true, random });
    run(watched, requests);
    const estimate = watched.estimate({ entries, eviction });
    const truth = run(new BoundedCache({ maxEntries: entries, eviction, random }), requests);
    expect(Math.abs((estimate?.hitRatio ?? 9) - truth)).toBeLessThan(tolerance);
    expect(estimate).toMatchObject({ entries, eviction, sampledRatio: 1 });
  });

  it('watches fewer keys when there are many requests', () => {
    const random = randomOf(12);
    const requests = Array.from({ length: 600_000 }, () => Math.floor(100_000 * random() ** 3));
    const watched = new BoundedCache<number, number>({
      maxEntries: 5_000,
      estimates: true,
      random,
    });
    run(watched, requests);
    const estimate = watched.estimate({ entries: 10_000 });
    const truth = run(new BoundedCache({ maxEntries: 10_000 }), requests);
    expect(estimate?.sampledRatio).toBeLessThan(1);
    expect(estimate?.sampledRequests).toBeLessThan(2 ** 17);
    expect(Math.abs((estimate?.hitRatio ?? 9) - truth)).toBeLessThan(0.03);
  });

  it('begins to watch when it is asked for the first time', () => {
    const cache = new BoundedCache<number, number>();
    run(cache, [1, 2, 1]);
    expect(cache.estimate({ entries: 10 })).toBeUndefined();
    run(cache, [1, 1, 1, 3]);
    expect(cache.estimate({ entries: 10 })).toMatchObject({ hitRatio: 0.5, sampledRequests: 4 });
  });

  it('refuses a size that a cache cannot have', () => {
    expect(() => new BoundedCache().estimate({ entries: 0 })).toThrow(
      expect.objectContaining({ code: 'DW_SCALING_INVALID_LIMITS' }),
    );
  });
});
