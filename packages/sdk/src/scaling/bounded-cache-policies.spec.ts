import fc from 'fast-check';
import { LRUCache } from 'lru-cache';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { BoundedCache } from './bounded-cache.js';
import type { EvictionPolicyName } from './eviction/eviction-policy.js';

const policies: readonly EvictionPolicyName[] = ['LRU', 'TTL', 'ARC', 'W-TinyLFU'];
const step = () => new Promise(setImmediate);

function filled(eviction: EvictionPolicyName, count: number, maxEntries = count) {
  const cache = new BoundedCache<number, number>({ maxEntries, eviction });
  for (let key = 0; key < count; key += 1) cache.set(key, key);
  return cache;
}

describe('BoundedCache as LRU', () => {
  it('holds what lru-cache holds, in the same order, whatever is done', () => {
    const action = fc.record({
      kind: fc.constantFrom('get', 'set', 'delete', 'has', 'peek'),
      key: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.nat(9), fc.array(action, { maxLength: 300 }), (extra, actions) => {
        const [cache, peer] = [
          new BoundedCache<number, number>({ maxEntries: extra + 1 }),
          new LRUCache<number, number>({ max: extra + 1 }),
        ];
        let next = 0;
        for (const { kind, key } of actions) {
          if (kind === 'set') {
            next += 1;
            cache.set(key, next);
            peer.set(key, next);
          } else {
            expect(cache[kind](key)).toBe(peer[kind](key));
          }
          expect([...cache]).toEqual([...peer.entries()]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe.each(policies)('BoundedCache with %s', (eviction) => {
  it('holds the value that was set last, or none, and never too many', () => {
    const action = fc.record({
      kind: fc.constantFrom('get', 'set', 'set', 'delete', 'limit', 'policy', 'wait'),
      key: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const clock = new ManualClock();
        const cache = new BoundedCache<number, object>({ maxEntries: 8, eviction, clock });
        const model = new Map<number, object>();
        for (const { kind, key } of actions) {
          if (kind === 'set') {
            const value = {};
            cache.set(key, value, key % 3 === 0 ? { ttlMs: 10 } : {});
            model.set(key, value);
          } else if (kind === 'delete') {
            cache.delete(key);
            model.delete(key);
          } else if (kind === 'limit') cache.reconfigure({ maxEntries: key + 1 });
          else if (kind === 'policy') {
            cache.reconfigure({ eviction: policies[key % policies.length] ?? 'LRU' });
          } else if (kind === 'wait') clock.advance(key);
          const value = cache.get(key);
          if (value !== undefined) expect(value).toBe(model.get(key));
          const entries = [...cache];
          expect(entries.length).toBe(cache.size);
          expect(new Set(entries.map(([some]) => some)).size).toBe(entries.length);
          expect(entries.length).toBeLessThanOrEqual(cache.options.maxEntries);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('takes what was removed for room, and fills up again', () => {
    const cache = filled(eviction, 100);
    for (let key = 0; key < 200; key += 1) cache.set(key, key);
    for (let key = 0; key < 200; key += 1) cache.delete(key);
    expect([cache.size, cache.statistics().totalBytes]).toEqual([0, 0]);
    for (let key = 0; key < 100; key += 1) cache.set(1_000 + key, key);
    expect(cache.size).toBe(100);
  });

  it('holds a limit of bytes', () => {
    const cache = new BoundedCache<number, Uint8Array>({
      maxEntries: 1_000,
      maxBytes: 50_000,
      sizeOf: (value) => value.byteLength,
      eviction,
    });
    for (let key = 0; key < 5_000; key += 1) {
      cache.set((key * 7) % 300, new Uint8Array((key * 131) % 3_000));
      expect(cache.statistics().totalBytes).toBeLessThanOrEqual(50_000);
    }
    expect(cache.size).toBeGreaterThan(10);
  });

  it('shrinks in steps', async () => {
    const cache = filled(eviction, 30_000);
    cache.reconfigure({ maxEntries: 100 });
    expect(cache.size).toBeGreaterThan(10_000);
    while (cache.size > 100) await step();
    expect(cache.statistics().evictions).toBe(29_900);
  });

  it('does not count, find or list what has expired', () => {
    const clock = new ManualClock();
    const cache = new BoundedCache<number, number>({ eviction, clock, defaultTtlMs: 10 });
    for (let key = 0; key < 9_000; key += 1) cache.set(key, key, { ttlMs: key < 8_000 ? 10 : 20 });
    clock.advance(10);
    expect([...cache.keys()].length).toBe(1_000);
    expect([cache.has(1), cache.peek(1), cache.get(1)]).toEqual([false, undefined, undefined]);
    expect(cache.size).toBe(1_000);
    expect(cache.delete(2)).toBe(false);
  });

  it.each(policies.filter((other) => other !== eviction))(
    'becomes %s in use, and keeps the order of its entries',
    async (other) => {
      const cache = filled(eviction, 20_000);
      const before = [...cache.keys()];
      cache.reconfigure({ eviction: other });
      cache.set(30_000, 1).set(30_001, 1);
      cache.delete(30_001);
      for (let steps = 0; steps < 80; steps += 1) await step();
      expect(cache.options.eviction).toBe(other);
      const after = [...cache.keys()];
      expect(after.length).toBeGreaterThan(19_990);
      expect(after[0]).toBe(30_000);
      const kept = new Set(after);
      expect(after.slice(1)).toEqual(before.filter((key) => kept.has(key)));
      cache.reconfigure({ maxEntries: 10 });
      while (cache.size > 10) await step();
    },
  );
});

describe('BoundedCache with TTL', () => {
  it('evicts what expires first, then what was set first', () => {
    const clock = new ManualClock();
    const cache = new BoundedCache<string, number>({ maxEntries: 3, eviction: 'TTL', clock });
    cache.set('never', 1).set('late', 2, { ttlMs: 100 }).set('soon', 3, { ttlMs: 10 });
    cache.get('soon');
    cache.set('d', 4).set('e', 5).set('f', 6);
    expect([...cache.keys()]).toEqual(['f', 'e', 'd']);
  });
});

describe('BoundedCache with callbacks', () => {
  it('changes nothing when sizeOf throws or returns nonsense', () => {
    let size: () => number = () => 10;
    const cache = new BoundedCache<string, string>({ maxEntries: 2, sizeOf: () => size() });
    cache.set('a', 'A').set('b', 'B');
    size = () => {
      throw new Error('no size');
    };
    expect(() => cache.set('a', 'new')).toThrow('no size');
    size = () => Number.NaN;
    expect(() => cache.set('c', 'C')).toThrow(TypeError);
    expect([...cache]).toEqual([
      ['b', 'B'],
      ['a', 'A'],
    ]);
  });

  it.each(policies)('lets a listener use the cache while %s evicts', (eviction) => {
    const cache = new BoundedCache<number, number>({ maxEntries: 10, eviction });
    let calls = 0;
    cache.onDidEvict(({ key }) => {
      calls += 1;
      cache.delete(key + 1);
      if (calls < 200) cache.set(key + 1_000, 1);
      expect(cache.size).toBeLessThanOrEqual(10);
    });
    for (let key = 0; key < 100; key += 1) cache.set(key, key);
    expect([...cache].length).toBe(cache.size);
  });

  it('measures what is there when a limit of bytes is set later', async () => {
    const cache = new BoundedCache<string, string>();
    for (let index = 0; index < 5_000; index += 1) cache.set(`key ${index}`, 'x'.repeat(100));
    cache.reconfigure({ maxBytes: 100_000 });
    for (let steps = 0; steps < 10; steps += 1) await step();
    const { totalBytes, itemCount } = cache.statistics();
    expect(totalBytes).toBeLessThanOrEqual(100_000);
    expect(itemCount).toBeGreaterThan(500);
    expect(cache.has('key 4999')).toBe(true);
  });
});

describe('BoundedCache iteration', () => {
  it.each(policies.filter((eviction) => eviction !== 'TTL'))(
    'goes from the most to the least recent with %s',
    (eviction) => {
      const cache = filled(eviction, 5);
      cache.get(1);
      cache.get(3);
      expect([...cache.keys()]).toEqual([3, 1, 4, 2, 0]);
      expect([...cache.values()]).toEqual([3, 1, 4, 2, 0]);
    },
  );

  it('ends, and leaves out what leaves meanwhile', () => {
    const cache = filled('LRU', 5);
    const seen: number[] = [];
    for (const [key] of cache) {
      seen.push(key);
      cache.get(key);
      cache.delete(key - 1);
    }
    expect(seen).toEqual([4, 2, 0]);
  });
});
