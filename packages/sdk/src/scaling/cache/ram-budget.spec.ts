import { describe, expect, it } from 'vitest';
import { BoundedCache } from '../bounded-cache.js';
import { ramBudgetBytes, readRam } from './ram-budget.js';

const readings = { constrainedBytes: 16_000, heapLimitBytes: 4_000, freeBytes: 9_000 };

describe('ramBudgetBytes', () => {
  it('takes its share of whatever is least', () => {
    expect(ramBudgetBytes(0.1, readings)).toBe(400);
    expect(ramBudgetBytes(0.1, { ...readings, freeBytes: 2_000 })).toBe(200);
    expect(ramBudgetBytes(0.1, { ...readings, constrainedBytes: 1_000 })).toBe(100);
  });

  it('holds the share within 0.001 and 0.5', () => {
    expect(ramBudgetBytes(0, readings)).toBe(4);
    expect(ramBudgetBytes(0.9, readings)).toBe(2_000);
  });

  it('sizes a cache', () => {
    const cache = new BoundedCache({ autoSizeFromRam: true, ramPercentage: 0.01 });
    const { heapLimitBytes } = readRam();
    expect(cache.options.maxBytes).toBeGreaterThan(0);
    expect(cache.options.maxBytes).toBeLessThanOrEqual(0.01 * heapLimitBytes);
    expect(new BoundedCache({ autoSizeFromRam: true, maxBytes: 5_000 }).options.maxBytes).toBe(
      5_000,
    );
  });
});
