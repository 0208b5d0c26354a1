import { describe, expect, it } from 'vitest';
import { NonceCache } from './nonce-cache.js';

describe('NonceCache', () => {
  it('takes a nonce once', () => {
    const cache = new NonceCache({ refusedUntilMs: 0 });
    expect(cache.add('a', 300_000, 0)).toBe('new');
    expect(cache.add('a', 300_000, 1)).toBe('seen');
    expect(cache.add('a', 360_000, 1)).toBe('seen');
    expect(cache.add('b', 300_000, 1)).toBe('new');
  });

  it('forgets what has expired, and refuses it from then on', () => {
    const cache = new NonceCache({ refusedUntilMs: 0 });
    cache.add('a', 15_000, 0);
    expect(cache.size).toBe(1);
    expect(cache.add('b', 100_000, 40_000)).toBe('new');
    expect(cache.size).toBe(1);
    expect(cache.add('a', 15_000, 10_000)).toBe('tooOld');
  });

  it('refuses what it may have missed before it existed', () => {
    const cache = new NonceCache({ refusedUntilMs: 1_000 });
    expect(cache.add('a', 1_000, 500)).toBe('tooOld');
    expect(cache.add('a', 1_001, 500)).toBe('new');
  });

  it('refuses new ones when full, rather than forgetting one before its time', () => {
    const cache = new NonceCache({ refusedUntilMs: 0, maxEntries: 2 });
    cache.add('a', 20_000, 0);
    cache.add('b', 20_000, 0);
    expect(() => cache.add('c', 20_000, 0)).toThrow(
      expect.objectContaining({ code: 'DW_CLUSTER_BUSY', retryable: true }),
    );
    expect(cache.add('a', 20_000, 0)).toBe('seen');
    expect(cache.add('c', 90_000, 40_000)).toBe('new');
  });
});
