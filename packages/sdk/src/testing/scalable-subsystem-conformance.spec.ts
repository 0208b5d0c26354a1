import { describe, expect, it } from 'vitest';
import { BackpressureGate } from '../scaling/backpressure-gate.js';
import { BoundedCache } from '../scaling/bounded-cache.js';
import { ComposedSubsystem } from '../scaling/composed-subsystem.js';
import type { IScalableSubsystem, ScalingMetrics } from '../scaling/scalable-subsystem.js';
import type { ScalingLimits } from '../scaling/scaling-limits.js';
import { runSuite } from './failing-clauses.js';
import { scalableSubsystemConformance } from './scalable-subsystem-conformance.js';

/** A subsystem with something in its cache and its queue. */
function working(): ComposedSubsystem {
  const cache = new BoundedCache<string, string>();
  cache.set('a', 'value').get('a');
  cache.get('b');
  const gate = new BackpressureGate({ subsystemName: 'works' });
  gate.tryEnter();
  return new ComposedSubsystem({
    subsystemName: 'works',
    caches: [cache],
    gates: [gate],
    metrics: () => ({ 'works.count': 1, 'works.mode': 'fast', 'works.isOn': true }),
    metricDescriptors: [{ key: 'works.count', type: 'counter', help: 'Works done.' }],
  });
}

/** Makes a working subsystem behave otherwise. */
type Change = (real: ComposedSubsystem) => Partial<IScalableSubsystem>;

function broken(change: Change): IScalableSubsystem {
  const real = working();
  const changes = change(real);
  return new Proxy<IScalableSubsystem>(real, {
    get: (_, key) => {
      const from = key in changes ? changes : real;
      const value: unknown = Reflect.get(from, key, from);
      return typeof value === 'function' ? value.bind(from) : value;
    },
  });
}

const reporting =
  (metrics: (real: ScalingMetrics) => Readonly<Record<string, unknown>>): Change =>
  (real) => ({ getScalingMetrics: () => metrics(real.getScalingMetrics()) as ScalingMetrics });

interface Double {
  readonly wrong: string;
  readonly noticed: string;
  readonly change: Change;
}

const double = (wrong: string, noticed: string, change: Change): Double => ({
  wrong,
  noticed,
  change,
});

const doubles: readonly Double[] = [
  double('shouts its name', 'the name is of lower-case letters, digits and dashes', () => ({
    subsystemName: 'Works!',
  })),
  double(
    'reports no queue',
    'the standard metrics are reported',
    reporting((real) =>
      Object.fromEntries(Object.entries(real).filter(([key]) => key !== 'backpressure.queueDepth')),
    ),
  ),
  double(
    'divides by nothing',
    'a metric is a finite number, a text or a truth value',
    reporting((real) => ({ ...real, 'works.rate': 0 / 0 })),
  ),
  double(
    'reports a tree',
    'a metric is a finite number, a text or a truth value',
    reporting((real) => ({ ...real, works: { count: 1 } })),
  ),
  double(
    'reports percent',
    'the standard metrics have their kinds',
    reporting((real) => ({ ...real, 'cache.hitRate': 50 })),
  ),
  double('invents a state', 'the state is one of the four, and reported', () => ({
    currentBackpressureState: 'busy' as 'normal',
  })),
  double(
    'reports another state than it has',
    'the state is one of the four, and reported',
    reporting((real) => ({ ...real, 'backpressure.state': 'shedding' })),
  ),
  double('counts readings', 'reading metrics changes nothing', (real) => {
    let count = 0;
    return {
      getScalingMetrics: () => ({ ...real.getScalingMetrics(), 'cache.size': (count += 1) }),
    };
  }),
  double('makes a row when it is read', 'reading metrics changes nothing', (real) => {
    let count = 0;
    return {
      getScalingMetrics: () => ({ ...real.getScalingMetrics(), [`row.${(count += 1)}`]: 1 }),
    };
  }),
  double('describes a metric twice', 'descriptors say what numbers mean, each once', (real) => ({
    metricDescriptors: [...real.metricDescriptors, ...real.metricDescriptors],
  })),
  double('describes a text', 'descriptors say what numbers mean, each once', () => ({
    metricDescriptors: [{ key: 'works.mode', type: 'gauge', help: 'Mode of work.' }],
  })),
  double('gives limits away', 'the limits are complete, whole and frozen', (real) => ({
    get currentLimits() {
      return { ...real.currentLimits };
    },
  })),
  double('forgets other limits', 'a change takes effect, and the other limits stay', (real) => ({
    reconfigureLimitsAsync: (changes) =>
      real.reconfigureLimitsAsync({ maxMemoryBytes: 104_857_600, maxQueueDepth: 1000, ...changes }),
  })),
  double('changes one limit at a time', 'several limits change at once', (real) => ({
    reconfigureLimitsAsync: (changes) =>
      real.reconfigureLimitsAsync(Object.fromEntries(Object.entries(changes).slice(0, 1))),
  })),
  double('takes no limits for its defaults', 'a change of nothing changes nothing', (real) => ({
    reconfigureLimitsAsync: (changes) =>
      real.reconfigureLimitsAsync(
        Object.keys(changes).length === 0 ? { maxConcurrentOperations: 1 } : changes,
      ),
  })),
  double('changes the limits that it gave', 'limits that were read stay as they were', (real) => {
    const currentLimits: ScalingLimits = { ...real.currentLimits };
    return {
      currentLimits,
      reconfigureLimitsAsync: async (changes) => {
        await real.reconfigureLimitsAsync(changes);
        Object.assign(currentLimits, changes);
      },
    };
  }),
  double('drops what it does not know', 'nonsense is refused, and changes nothing', (real) => ({
    reconfigureLimitsAsync: (changes) => {
      const names = Object.keys(real.currentLimits);
      const known = Object.entries(changes).filter(([name]) => names.includes(name));
      return real.reconfigureLimitsAsync(Object.fromEntries(known));
    },
  })),
  double('keeps what was right of it', 'nonsense is refused, and changes nothing', (real) => ({
    reconfigureLimitsAsync: async (changes) => {
      for (const [name, value] of Object.entries(changes)) {
        await real.reconfigureLimitsAsync({ [name]: value });
      }
    },
  })),
];

const run = (change: Change) =>
  runSuite((test) => scalableSubsystemConformance({ test, open: async () => broken(change) }));

describe('scalableSubsystemConformance', () => {
  it('passes a subsystem that keeps the contract', async () => {
    expect((await run(() => ({}))).failed).toEqual([]);
  });

  it.each(doubles)('notices a subsystem that $wrong', async ({ change, noticed }) => {
    expect((await run(change)).failed).toContain(noticed);
  });

  it('has no clause that cannot fail', async () => {
    const { clauses } = await run(() => ({}));
    expect(new Set(doubles.map(({ noticed }) => noticed))).toEqual(new Set(clauses));
  });

  it('closes what can be closed', async () => {
    let closedCount = 0;
    const { clauses } = await runSuite((test) =>
      scalableSubsystemConformance({
        test,
        open: async () =>
          Object.assign(working(), {
            [Symbol.asyncDispose]: async () => {
              closedCount += 1;
            },
          }),
      }),
    );
    expect(closedCount).toBe(clauses.length);
  });
});
