import assert from 'node:assert/strict';
import { backpressureStates } from '../scaling/backpressure.js';
import { type IScalableSubsystem, standardMetricKeys } from '../scaling/scalable-subsystem.js';
import { MAX_CACHE_ENTRIES, type ScalingLimits } from '../scaling/scaling-limits.js';
import { type ConformanceTest, defaultTimeLimitMs, prove } from './conformance.js';

/** What {@link scalableSubsystemConformance} needs. */
export interface ScalableSubsystemConformanceOptions {
  /** Registers a test, such as `it` of vitest. */
  readonly test: ConformanceTest;
  /**
   * Opens a subsystem with something in it. Called once a test; the suite closes what can be closed.
   */
  readonly open: () => Promise<IScalableSubsystem & Partial<AsyncDisposable>>;
  /**
   * Most time that a clause may take, in milliseconds.
   * @defaultValue 10000
   */
  readonly timeLimitMs?: number;
}

type Clauses = Readonly<Record<string, (subsystem: IScalableSubsystem) => Promise<void>>>;

/** Two values for each limit, both of which must be taken. */
const valid: Readonly<Record<keyof ScalingLimits, readonly [number, number]>> = {
  maxCacheEntries: [1, MAX_CACHE_ENTRIES],
  maxMemoryBytes: [1024, Number.MAX_SAFE_INTEGER],
  maxConcurrentOperations: [1, 65_536],
  maxQueueDepth: [0, 12_345],
};

const limitNames = Object.keys(valid) as readonly (keyof ScalingLimits)[];

/** Changes that must be refused, as they come from outside. */
const nonsense: readonly Readonly<Record<string, unknown>>[] = [
  ...limitNames.flatMap((name) =>
    [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '64', true, {}].map((value) => ({
      [name]: value,
    })),
  ),
  { maxCacheEntries: 0 },
  { maxCacheEntries: MAX_CACHE_ENTRIES + 1 },
  { maxMemoryBytes: 1023 },
  { maxConcurrentOperations: 0 },
  { maxConcurrentOperations: 65_537 },
  { maxCacheEntry: 10 },
  { maxCacheEntries: 10, maxQueueDepth: -1 },
];

const reportingClauses: Clauses = {
  'the name is of lower-case letters, digits and dashes': async ({ subsystemName }) => {
    assert.match(subsystemName, /^[a-z][a-z0-9-]*$/);
  },

  'the standard metrics are reported': async (subsystem) => {
    const metrics = subsystem.getScalingMetrics();
    for (const key of standardMetricKeys) assert.ok(key in metrics, `${key} is missing`);
  },

  'a metric is a finite number, a text or a truth value': async (subsystem) => {
    for (const [key, value] of Object.entries(subsystem.getScalingMetrics())) {
      const isPlain = ['number', 'string', 'boolean'].includes(typeof value);
      assert.ok(
        isPlain && (typeof value !== 'number' || Number.isFinite(value)),
        `${key}: ${value}`,
      );
    }
  },

  'the standard metrics have their kinds': async (subsystem) => {
    const metrics = subsystem.getScalingMetrics();
    for (const key of ['cache.size', 'cache.memoryBytes', 'backpressure.queueDepth']) {
      assert.ok(Number(metrics[key]) >= 0 && typeof metrics[key] === 'number', key);
    }
    const ratio = metrics['cache.hitRate'];
    assert.ok(typeof ratio === 'number' && ratio >= 0 && ratio <= 1, 'cache.hitRate');
  },

  'the state is one of the four, and reported': async (subsystem) => {
    const state = subsystem.currentBackpressureState;
    assert.ok(backpressureStates.includes(state), `${state} is no state`);
    assert.equal(subsystem.getScalingMetrics()['backpressure.state'], state);
  },

  'reading metrics changes nothing': async (subsystem) => {
    const { currentLimits, currentBackpressureState } = subsystem;
    const read = () => {
      const metrics = subsystem.getScalingMetrics();
      return {
        keys: Object.keys(metrics).sort(),
        standard: standardMetricKeys.map((key) => metrics[key]),
      };
    };
    const first = read();
    for (let round = 0; round < 10; round += 1) assert.deepEqual(read(), first);
    assert.deepEqual(subsystem.currentLimits, currentLimits);
    assert.equal(subsystem.currentBackpressureState, currentBackpressureState);
  },

  'descriptors say what numbers mean, each once': async (subsystem) => {
    const { metricDescriptors = [] } = subsystem;
    const keys = metricDescriptors.map(({ key }) => key);
    assert.deepEqual(keys, [...new Set(keys)]);
    const metrics = subsystem.getScalingMetrics();
    for (const { key, help } of metricDescriptors) {
      assert.ok(help.trim().length > 0, `${key} has no words for people`);
      if (key in metrics) assert.equal(typeof metrics[key], 'number', `${key} is no number`);
    }
  },
};

const limitClauses: Clauses = {
  'the limits are complete, whole and frozen': async ({ currentLimits }) => {
    assert.deepEqual(Object.keys(currentLimits).sort(), [...limitNames].sort());
    for (const name of limitNames) assert.ok(Number.isSafeInteger(currentLimits[name]), name);
    assert.ok(Object.isFrozen(currentLimits), 'not frozen');
  },

  'a change takes effect, and the other limits stay': async (subsystem) => {
    for (const name of limitNames) {
      for (const value of valid[name]) {
        const before = subsystem.currentLimits;
        await subsystem.reconfigureLimitsAsync({ [name]: value });
        assert.deepEqual(subsystem.currentLimits, { ...before, [name]: value });
      }
    }
  },

  'several limits change at once': async (subsystem) => {
    const changes = { maxCacheEntries: 17, maxQueueDepth: 23 };
    const before = subsystem.currentLimits;
    await subsystem.reconfigureLimitsAsync(changes, { reason: 'conformance suite' });
    assert.deepEqual(subsystem.currentLimits, { ...before, ...changes });
  },

  'a change of nothing changes nothing': async (subsystem) => {
    const before = { ...subsystem.currentLimits };
    await subsystem.reconfigureLimitsAsync({});
    assert.deepEqual(subsystem.currentLimits, before);
  },

  'limits that were read stay as they were': async (subsystem) => {
    const read = subsystem.currentLimits;
    const copy = { ...read };
    await subsystem.reconfigureLimitsAsync({ maxQueueDepth: copy.maxQueueDepth + 1 });
    assert.deepEqual(read, copy);
    assert.ok(Object.isFrozen(subsystem.currentLimits), 'new limits are not frozen');
  },

  'nonsense is refused, and changes nothing': async (subsystem) => {
    const before = { ...subsystem.currentLimits };
    for (const changes of nonsense) {
      const [entry] = Object.entries(changes);
      const refused = subsystem.reconfigureLimitsAsync(changes);
      const code = 'DW_SCALING_INVALID_LIMITS';
      await assert.rejects(refused, { code }, `accepted: ${String(entry)}`);
      assert.deepEqual(subsystem.currentLimits, before);
    }
  },
};

/** Registers one test per clause of the {@link IScalableSubsystem} contract. */
export function scalableSubsystemConformance(options: ScalableSubsystemConformanceOptions): void {
  const { test, open, timeLimitMs = defaultTimeLimitMs } = options;
  for (const [name, clause] of Object.entries({ ...reportingClauses, ...limitClauses })) {
    test(name, () => prove(open, clause, timeLimitMs));
  }
}
