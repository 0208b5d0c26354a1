import {
  defaultScalingLimits,
  type IScalableSubsystem,
  resolveScalingLimits,
  type ScalingLimits,
  type ScalingReconfigured,
  scalingReconfiguredTopic,
} from '@datawarehouse/sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InProcessMessageBus } from '../messaging/in-process-message-bus.js';
import { ScalingRegistry } from './scaling-registry.js';

class Subsystem implements IScalableSubsystem {
  readonly subsystemName: string;
  readonly currentBackpressureState = 'normal';
  currentLimits: ScalingLimits = defaultScalingLimits;

  constructor(subsystemName: string) {
    this.subsystemName = subsystemName;
  }

  getScalingMetrics() {
    return {};
  }

  async reconfigureLimitsAsync(changes: Partial<ScalingLimits>) {
    this.currentLimits = resolveScalingLimits(changes, this.currentLimits);
  }
}

describe('ScalingRegistry', () => {
  let bus: InProcessMessageBus;
  let events: ScalingReconfigured[];

  beforeEach(() => {
    bus = new InProcessMessageBus();
    events = [];
    bus.subscribe(scalingReconfiguredTopic, ({ data }) => void events.push(data));
  });

  afterEach(() => bus.close());

  it('changes limits, and publishes the change', async () => {
    const registry = new ScalingRegistry({ bus, now: () => 7 });
    registry.add(new Subsystem('a'), 'plugin-a');
    const event = await registry.reconfigure('a', { maxQueueDepth: 5 }, { reason: 'test' });
    expect(event).toEqual({
      subsystemName: 'a',
      oldLimits: defaultScalingLimits,
      newLimits: { ...defaultScalingLimits, maxQueueDepth: 5 },
      timestamp: 7,
    });
    await vi.waitFor(() => expect(events).toEqual([event]));
  });

  it('refuses an unknown name and nonsense, and changes nothing', async () => {
    const registry = new ScalingRegistry({ bus });
    const subsystem = new Subsystem('a');
    registry.add(subsystem, 'plugin-a');
    await expect(registry.reconfigure('b', {})).rejects.toMatchObject({
      code: 'DW_HOST_SUBSYSTEM_UNKNOWN',
      details: { known: ['a'] },
    });
    await expect(registry.reconfigure('a', { maxCacheEntries: 0 })).rejects.toMatchObject({
      code: 'DW_SCALING_INVALID_LIMITS',
    });
    expect(subsystem.currentLimits).toEqual(defaultScalingLimits);
    expect(events).toEqual([]);
  });

  it('has one subsystem a name, until it is disposed', () => {
    const registry = new ScalingRegistry({ bus });
    const first = registry.add(new Subsystem('a'), 'plugin-a');
    expect(() => registry.add(new Subsystem('a'), 'plugin-b')).toThrow(
      expect.objectContaining({ code: 'DW_PLUGIN_SERVICE_DUPLICATE' }),
    );
    expect(() => registry.add(new Subsystem('No Name'), 'plugin-b')).toThrow(TypeError);
    first[Symbol.dispose]();
    expect(registry.list()).toEqual([]);
    registry.add(new Subsystem('a'), 'plugin-b');
    first[Symbol.dispose]();
    expect(registry.get('a')?.pluginId).toBe('plugin-b');
  });

  it('applies what is configured to the plugin’s own subsystems', async () => {
    const configured = {
      a: { limits: { maxQueueDepth: 5, maxMemoryBytes: undefined } },
      b: { limits: { maxQueueDepth: 6 } },
      c: { limits: {} },
      absent: { limits: { maxQueueDepth: 7 } },
    };
    const registry = new ScalingRegistry({ bus, configured });
    const [a, b, c] = [new Subsystem('a'), new Subsystem('b'), new Subsystem('c')];
    registry.add(a, 'one');
    registry.add(b, 'two');
    registry.add(c, 'one');
    await registry.applyConfigured('one');
    expect(a.currentLimits).toEqual({ ...defaultScalingLimits, maxQueueDepth: 5 });
    expect(b.currentLimits).toEqual(defaultScalingLimits);
    expect(c.currentLimits).toEqual(defaultScalingLimits);
    expect(registry.unknownConfigured()).toEqual(['absent']);
  });
});
