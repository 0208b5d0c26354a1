import { spawnSync } from 'node:child_process';
import {
  defaultScalingLimits,
  type IScalableSubsystem,
  type ScalingMetricDescriptor,
  type ScalingMetrics,
  systemClock,
} from '@datawarehouse/sdk';
import { MemoryMessageBus } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { ScalingRegistry } from '../../scaling/scaling-registry.js';
import type { HostView } from '../host-view.js';
import { metricsRoute } from '../routes/metrics-route.js';

interface Sample {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

/** Reads the text format 0.0.4, and accepts nothing that is not exactly it. */
function parseExposition(text: string): readonly Family[] {
  if (!text.endsWith('\n')) throw new Error('The last line does not end');
  const families: { name: string; help: string; type: string; samples: Sample[] }[] = [];
  const seen = new Set<string>();
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge)$/.exec(line);
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    const family = families.at(-1);
    if (help?.[1] !== undefined && help[2] !== undefined) {
      if (families.some(({ name }) => name === help[1])) throw new Error(`Split family: ${line}`);
      families.push({ name: help[1], help: help[2], type: '', samples: [] });
    } else if (type?.[1] !== undefined && type[2] !== undefined) {
      if (family?.name !== type[1] || family.type !== '') throw new Error(`Stray type: ${line}`);
      family.type = type[2];
    } else if (sample?.[3] !== undefined) {
      if (family?.name !== sample[1] || family?.type === '') throw new Error(`Stray: ${line}`);
      const key = `${sample[1] ?? ''}{${sample[2] ?? ''}}`;
      if (seen.has(key)) throw new Error(`Double sample: ${line}`);
      seen.add(key);
      family?.samples.push({ labels: parseLabels(sample[2] ?? ''), value: parseValue(sample[3]) });
    } else throw new Error(`Not a line of the format: ${line}`);
  }
  return families;
}

function parseLabels(text: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const pattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match?.[1] === undefined || labels.has(match[1])) throw new Error(`Bad labels: ${text}`);
    labels.set(
      match[1],
      (match[2] ?? '').replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped)),
    );
  }
  return labels;
}

function parseValue(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (!/^(?:NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.test(text)) throw new Error(`Bad value: ${text}`);
  return Number(text);
}

const abbreviations = [
  's',
  'ms',
  'us',
  'ns',
  'sec',
  'b',
  'kb',
  'mb',
  'gb',
  'tb',
  'pb',
  'm',
  'h',
  'd',
];
const otherUnits =
  /_(?:(?:milli|micro|nano|kilo|mega|giga|kibi|mebi)\w+|minutes|hours|days|weeks|bits|percent)(?:_|$)/;

/** What `promtool check metrics` finds fault with. */
function lint(families: readonly Family[]): readonly string[] {
  return families.flatMap(({ name, help, type, samples }) => {
    const problems: string[] = [];
    const words = name.split('_');
    if (help.trim() === '') problems.push(`${name}: no help`);
    if (samples.length === 0) problems.push(`${name}: no samples`);
    if (/[a-z][A-Z]/.test(name) || name.includes(':')) problems.push(`${name}: not snake case`);
    if (type === 'counter' && !name.endsWith('_total')) problems.push(`${name}: no _total`);
    if (type !== 'counter' && name.endsWith('_total')) problems.push(`${name}: _total`);
    if (/_(?:count|sum|bucket)$/.test(name)) problems.push(`${name}: reserved ending`);
    if (words.includes(type)) problems.push(`${name}: type in name`);
    if (words.some((word, at) => at > 0 && abbreviations.includes(word))) {
      problems.push(`${name}: abbreviated unit`);
    }
    if (otherUnits.test(name)) problems.push(`${name}: not a base unit`);
    for (const { labels } of samples) {
      for (const label of labels.keys()) {
        if (/[a-z][A-Z]/.test(label) || label === 'le' || label === 'quantile') {
          problems.push(`${name}: label ${label}`);
        }
      }
    }
    return problems;
  });
}

function subsystem(
  subsystemName: string,
  metrics: ScalingMetrics | (() => ScalingMetrics),
  metricDescriptors: readonly ScalingMetricDescriptor[] = [],
): IScalableSubsystem {
  return {
    subsystemName,
    currentLimits: defaultScalingLimits,
    currentBackpressureState: 'critical',
    metricDescriptors,
    getScalingMetrics: () => (typeof metrics === 'function' ? metrics() : metrics),
    reconfigureLimitsAsync: async () => undefined,
  };
}

/** A node with everything that a plugin may report, well meant or not. */
function view(): HostView {
  const bus = new MemoryMessageBus();
  for (const name of ['one', 'one', 'two "quoted"\n']) {
    bus.subscribe('dw.>', () => undefined, { name });
  }
  const scaling = new ScalingRegistry({ bus });
  const standard: ScalingMetrics = {
    'cache.size': 3,
    'cache.hitRate': 0.5,
    'cache.memoryBytes': 1_024,
    'backpressure.state': 'critical',
    'backpressure.queueDepth': 7,
  };
  const replication = subsystem(
    'replication',
    {
      ...standard,
      'replication.replicaCount': 2,
      'replication.walWrites': 12,
      'replication.defaultStrategy': 'asyn"chronous\\',
      'replication.replica.eu.n-1.lag': 5,
      'replication.replica.eu.n-1.lagSeconds': 1.5,
      'replication.replica.eu.n-1.active': true,
      'replication.replica.\u{1F600}\uD800.lag': 6,
      'replication.waitMs': 1_500,
      'replication.weird': Number.POSITIVE_INFINITY,
      'replication.walWritesTotal': 13,
    },
    [
      { key: 'replication.walWrites', type: 'counter', help: 'Entries\nwritten.' },
      { key: 'replication.walWritesTotal', type: 'counter', help: 'The same name.' },
      { key: 'replication.replica.<replica>.lag', type: 'gauge', help: 'Entries behind.' },
      {
        key: 'replication.replica.<replica>.lagSeconds',
        type: 'gauge',
        help: 'Time behind.',
        unit: 'seconds',
      },
      { key: 'replication.replica.<replica>.active', type: 'gauge', help: 'Whether it answers.' },
      { key: 'replication.waitMs', type: 'counter', help: 'Time waited.', unit: 'milliseconds' },
    ],
  );
  scaling.add(replication, 'ultimate-replication');
  scaling.add(subsystem('aeds', { ...standard, 'aeds.le.quantileCount': 1 }), 'aeds-core');
  scaling.add(
    subsystem('broken', () => {
      throw new Error('no metrics');
    }),
    'broken',
  );
  return {
    nodeId: 'n1',
    publicKey: 'key',
    version: '6.0.0',
    startedAtMs: Date.now() - 5_000,
    plugins: () => [
      {
        id: 'aeds-core',
        packageName: 'x',
        state: 'running',
        required: false,
        dependencies: [],
        commands: [],
        problems: [],
      },
    ],
    isReady: () => true,
    scaling,
    membership: {
      members: () => [],
      member: () => undefined,
      join: () => Promise.reject(new Error('none')),
      remove: async () => false,
    },
    bus,
  };
}

async function scrape(): Promise<string> {
  const route = metricsRoute({
    view: view(),
    clock: systemClock,
    lag: { p99Ms: 12 },
    requests: () => ({ openCount: 1, answeredCounts: { '2xx': 5, '4xx': 1 } }),
  });
  const { headers, body } = await route.handle({} as Parameters<typeof route.handle>[0]);
  expect(headers?.['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  return Buffer.from(body as Uint8Array).toString('utf8');
}

describe('the metrics of a node', () => {
  it('are in the text format of Prometheus, and pass its rules', async () => {
    const families = parseExposition(await scrape());
    expect(lint(families)).toEqual([]);
    expect(families.length).toBeGreaterThan(20);
  });

  it('name, type and label what subsystems report', async () => {
    const text = await scrape();
    for (const line of [
      'dw_cache_size{subsystem="replication"} 3',
      'dw_cache_size{subsystem="aeds"} 3',
      'dw_cache_hit_ratio{subsystem="aeds"} 0.5',
      'dw_cache_memory_bytes{subsystem="aeds"} 1024',
      'dw_backpressure_state_info{subsystem="aeds",value="critical"} 1',
      'dw_backpressure_level{subsystem="aeds"} 2',
      '# TYPE dw_replication_wal_writes_total counter',
      '# HELP dw_replication_wal_writes_total Entries\\nwritten.',
      'dw_replication_wal_writes_total{subsystem="replication"} 12',
      'dw_replication_default_strategy_info{subsystem="replication",value="asyn\\"chronous\\\\"} 1',
      'dw_replication_replica_lag{subsystem="replication",replica="eu.n-1"} 5',
      'dw_replication_replica_lag{subsystem="replication",replica="\u{1F600}\uFFFD"} 6',
      'dw_replication_replica_lag_seconds{subsystem="replication",replica="eu.n-1"} 1.5',
      'dw_replication_replica_active{subsystem="replication",replica="eu.n-1"} 1',
      'dw_replication_wait_seconds_total{subsystem="replication"} 1.5',
      'dw_replication_weird{subsystem="replication"} +Inf',
      'dw_metrics_dropped_samples 1',
    ]) {
      expect(`\n${text}`).toContain(`\n${line}\n`);
    }
  });

  it('tell of the host itself', async () => {
    const text = await scrape();
    for (const pattern of [
      /^dw_host_info\{version="6.0.0",sdk_version="[^"]+",node_version="v[^"]+",node_id="n1"\} 1$/m,
      /^dw_host_resident_memory_bytes [1-9]\d+$/m,
      /^dw_host_heap_used_bytes [1-9]\d+$/m,
      /^dw_host_uptime_seconds [5-9]/m,
      /^dw_host_event_loop_lag_p99_seconds 0.012$/m,
      /^dw_host_cpu_seconds_total [0-9.]+$/m,
      /^dw_host_plugins\{state="running"\} 1$/m,
      /^dw_host_plugins\{state="failed"\} 0$/m,
      /^dw_bus_subscriptions 3$/m,
      /^dw_bus_messages_total\{subscription="two \\"quoted\\"\\n",outcome="handled"\} 0$/m,
      /^dw_bus_waiting_publishers\{subscription="[^"]+"\} 0$/m,
      /^dw_bus_backpressure_level\{subscription="[^"]+"\} 0$/m,
      /^dw_bus_busy_seconds\{subscription="[^"]+"\} 0$/m,
      /^dw_cluster_members 0$/m,
      /^dw_http_requests_total\{status="2xx"\} 5$/m,
    ]) {
      expect(text).toMatch(pattern);
    }
  });

  it('of one subsystem do not fall to the failure of another', async () => {
    const text = await scrape();
    expect(text).toContain('\ndw_subsystem_reporting{subsystem="broken"} 0\n');
    expect(text).toContain('\ndw_subsystem_reporting{subsystem="aeds"} 1\n');
  });

  const promtool = 'promtool';
  const probe = spawnSync(promtool, ['--version']);
  const missing = probe.error === undefined ? '' : ' (skipped: there is no promtool on PATH)';
  it.skipIf(missing !== '')(`pass promtool itself${missing}`, async () => {
    const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
      input: await scrape(),
      encoding: 'utf8',
    });
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });
});
