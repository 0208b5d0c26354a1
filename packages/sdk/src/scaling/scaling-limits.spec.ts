import { describe, expect, it } from 'vitest';
import { defaultScalingLimits, resolveScalingLimits } from './scaling-limits.js';

describe('resolveScalingLimits', () => {
  it('gives the defaults where nothing is changed', () => {
    expect(resolveScalingLimits()).toEqual({
      maxCacheEntries: 10_000,
      maxMemoryBytes: 104_857_600,
      maxConcurrentOperations: 64,
      maxQueueDepth: 1_000,
    });
  });

  it('puts changes over limits, which stay as they were', () => {
    const base = resolveScalingLimits({ maxQueueDepth: 0 });
    const changed = resolveScalingLimits({ maxCacheEntries: 5 }, base);
    expect(changed).toEqual({ ...base, maxCacheEntries: 5 });
    expect(base.maxCacheEntries).toBe(10_000);
    expect([base, changed, defaultScalingLimits].map(Object.isFrozen)).toEqual([true, true, true]);
  });

  it.each([
    { maxCacheEntries: 0 },
    { maxCacheEntries: 2 ** 24 + 1 },
    { maxCacheEntries: 1.5 },
    { maxMemoryBytes: 1023 },
    { maxMemoryBytes: 2 ** 53 },
    { maxConcurrentOperations: 0 },
    { maxConcurrentOperations: 65_537 },
    { maxQueueDepth: -1 },
    { maxQueueDepth: Number.NaN },
    { maxQueueDepth: Number.POSITIVE_INFINITY },
    { maxQueueDepth: '10' as unknown as number },
    { maxQueueDepth: undefined as unknown as number, maxSurprise: 1 },
  ])('refuses %j', (changes) => {
    expect(() => resolveScalingLimits(changes)).toThrow(
      expect.objectContaining({ code: 'DW_SCALING_INVALID_LIMITS' }),
    );
  });

  it('takes the outermost values', () => {
    const outermost = {
      maxCacheEntries: 2 ** 24,
      maxMemoryBytes: Number.MAX_SAFE_INTEGER,
      maxConcurrentOperations: 65_536,
      maxQueueDepth: 0,
    };
    expect(resolveScalingLimits(outermost)).toEqual(outermost);
  });
});
