import { describe, expect, it } from 'vitest';
import { BoundedCache } from '../bounded-cache.js';

/** Numbers that look random and are the same each time. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const cacheOf = (maxEntries: number, eviction: 'LRU' | 'W-TinyLFU' = 'W-TinyLFU') =>
  new BoundedCache<number, number>({ maxEntries, eviction, random: randomOf(7) });

/** Share of the requests that hit. */
function hitRatio(cache: BoundedCache<number, number>, requests: Iterable<number>): number {
  const before = cache.statistics();
  for (const key of requests) if (cache.get(key) === undefined) cache.set(key, key);
  const { hits, misses } = cache.statistics();
  return (hits - before.hits) / (hits + misses - before.hits - before.misses);
}

function* skewed(count: number, keyCount: number, seed: number): Iterable<number> {
  const random = randomOf(seed);
  for (let index = 0; index < count; index += 1) yield Math.floor(keyCount * random() ** 4);
}

function* loop(rounds: number, keyCount: number): Iterable<number> {
  for (let round = 0; round < rounds; round += 1) {
    for (let key = 0; key < keyCount; key += 1) yield key;
  }
}

describe('WindowTinyLfuPolicy', () => {
  it('keeps what is used often through a scan', () => {
    const cache = cacheOf(100);
    for (let round = 0; round < 20; round += 1) hitRatio(cache, loop(1, 50));
    hitRatio(
      cache,
      Array.from({ length: 1_000 }, (_, index) => 1_000 + index),
    );
    const kept = Array.from({ length: 50 }, (_, key) => key).filter((key) => cache.has(key));
    expect(kept.length).toBeGreaterThanOrEqual(45);
  });

  it('keeps part of a loop that does not fit, where the least recent entry is always the next', () => {
    expect(hitRatio(cacheOf(500, 'LRU'), loop(100, 1_000))).toBe(0);
    expect(hitRatio(cacheOf(500), loop(100, 1_000))).toBeGreaterThan(0.45);
  });

  it('follows a load that moves on to other keys', () => {
    const cache = cacheOf(200);
    hitRatio(cache, skewed(20_000, 2_000, 1));
    const moved = Array.from(skewed(20_000, 2_000, 2), (key) => 10_000 + key);
    const lru = cacheOf(200, 'LRU');
    expect(hitRatio(cache, moved)).toBeGreaterThan(hitRatio(lru, moved) - 0.02);
  });

  it('widens its window where lately is all that counts', () => {
    const cache = cacheOf(500);
    const lru = cacheOf(500, 'LRU');
    const random = randomOf(3);
    // Each key comes a few times within a short while, then never again.
    const recent = Array.from({ length: 120_000 }, (_, index) =>
      Math.floor(index / 4 - 400 * random()),
    );
    for (const warmed of [cache, lru]) hitRatio(warmed, recent.slice(0, 60_000));
    const rest = recent.slice(60_000);
    const ratios = [hitRatio(cache, rest), hitRatio(lru, rest)] as const;
    expect(ratios[0]).toBeGreaterThan(ratios[1] - 0.05);
  });

  it('lets a newcomer in at last where all rivals look frequent', () => {
    const cache = cacheOf(20);
    for (let round = 0; round < 200; round += 1) hitRatio(cache, loop(1, 20));
    let requests = 0;
    while (requests < 5_000 && ![...cache.keys()].some((key) => key >= 100 && key < 103)) {
      hitRatio(cache, [100, 101, 102]);
      requests += 1;
    }
    expect(requests).toBeLessThan(5_000);
  });

  it('holds its limit of entries whatever its window does', () => {
    const cache = cacheOf(64);
    for (const key of skewed(50_000, 500, 5)) {
      if (cache.get(key) === undefined) cache.set(key, key);
      if (cache.size > 64) expect(cache.size).toBeLessThanOrEqual(64);
    }
    expect(cache.size).toBe(64);
  });
});
