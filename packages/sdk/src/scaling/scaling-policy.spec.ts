import { describe, expect, it } from 'vitest';
import { defaultScalingLimits, resolveScalingLimits } from './scaling-limits.js';
import { limitsAt, resolveScalingPolicy } from './scaling-policy.js';

const instanceLimits = resolveScalingLimits({ maxQueueDepth: 3 });
const tenantLimits = resolveScalingLimits({ maxQueueDepth: 2 });
const userLimits = resolveScalingLimits({ maxQueueDepth: 1 });

describe('resolveScalingPolicy', () => {
  it('completes a policy with the defaults', () => {
    expect(resolveScalingPolicy()).toEqual({
      instanceLimits: defaultScalingLimits,
      autoSizeFromRam: true,
      ramPercentage: 0.1,
    });
  });

  it.each([
    [0, 0.001],
    [0.25, 0.25],
    [9, 0.5],
  ])('clamps a share of %d to %d', (ramPercentage, expected) => {
    expect(resolveScalingPolicy({ ramPercentage }).ramPercentage).toBe(expected);
  });

  it('refuses limits out of range at every level', () => {
    const bad = { ...instanceLimits, maxQueueDepth: -1 };
    for (const level of ['instanceLimits', 'tenantLimits', 'userLimits']) {
      expect(() => resolveScalingPolicy({ [level]: bad })).toThrow('out of range');
    }
  });
});

describe('limitsAt', () => {
  it('takes a level’s own limits, or those of the nearest level above', () => {
    const depths = (policy: object): number[] =>
      (['instance', 'tenant', 'user'] as const).map(
        (level) => limitsAt(resolveScalingPolicy(policy), level).maxQueueDepth,
      );
    expect(depths({ instanceLimits, tenantLimits, userLimits })).toEqual([3, 2, 1]);
    expect(depths({ instanceLimits, tenantLimits })).toEqual([3, 2, 2]);
    expect(depths({ instanceLimits, userLimits })).toEqual([3, 3, 1]);
    expect(depths({ instanceLimits })).toEqual([3, 3, 3]);
  });
});
