import { describe, expect, it } from 'vitest';
import { BackpressureGate } from './backpressure-gate.js';
import { BoundedCache } from './bounded-cache.js';
import { ComposedSubsystem } from './composed-subsystem.js';
import { standardMetricKeys } from './scalable-subsystem.js';

describe('ComposedSubsystem', () => {
  const parts = () => {
    const cache = new BoundedCache<string, string>();
    const gate = new BackpressureGate({ subsystemName: 'x' });
    return { cache, gate };
  };

  it('reports every standard metric', () => {
    const { cache, gate } = parts();
    const subsystem = new ComposedSubsystem({ subsystemName: 'x', caches: [cache], gates: [gate] });
    cache.set('a', 'four');
    cache.get('a');
    cache.get('b');
    gate.tryEnter();
    const metrics = subsystem.getScalingMetrics();
    for (const key of standardMetricKeys) expect(metrics).toHaveProperty([key]);
    expect(metrics).toMatchObject({
      'cache.size': 1,
      'cache.hitRate': 0.5,
      'cache.memoryBytes': 60 + 1 + 4,
      'backpressure.queueDepth': 1,
    });
  });

  it('hands new limits on at once', async () => {
    const { cache, gate } = parts();
    const subsystem = new ComposedSubsystem({ subsystemName: 'x', caches: [cache], gates: [gate] });
    for (let index = 0; index < 5; index += 1) cache.set(`k${index}`, 'v');
    await subsystem.reconfigureLimitsAsync({ maxCacheEntries: 2, maxQueueDepth: 1 });
    expect(cache.size).toBe(2);
    gate.tryEnter();
    expect(() => gate.tryEnter()).toThrow(
      expect.objectContaining({ code: 'DW_SCALING_OVERLOADED' }),
    );
    expect(subsystem.currentLimits).toMatchObject({ maxCacheEntries: 2, maxQueueDepth: 1 });
  });

  it('refuses nonsense and changes nothing', async () => {
    const { cache } = parts();
    const subsystem = new ComposedSubsystem({ subsystemName: 'x', caches: [cache] });
    const before = subsystem.currentLimits;
    await expect(subsystem.reconfigureLimitsAsync({ maxCacheEntries: 0 })).rejects.toMatchObject({
      code: 'DW_SCALING_INVALID_LIMITS',
    });
    expect(subsystem.currentLimits).toBe(before);
  });

  it('is in the worst state of its gates', () => {
    const calm = new BackpressureGate({ subsystemName: 'x' });
    const busy = new BackpressureGate({ subsystemName: 'x' });
    const subsystem = new ComposedSubsystem({
      subsystemName: 'x',
      limits: { maxQueueDepth: 10 },
      gates: [calm, busy],
    });
    expect(subsystem.currentBackpressureState).toBe('normal');
    for (let index = 0; index < 9; index += 1) busy.tryEnter();
    expect(subsystem.currentBackpressureState).toBe('critical');
  });
});
