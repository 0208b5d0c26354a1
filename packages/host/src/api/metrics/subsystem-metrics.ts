import {
  backpressureStates,
  type IScalableSubsystem,
  type ScalingMetricDescriptor,
} from '@datawarehouse/sdk';
import type { MetricFamilies } from './metric-families.js';
import { metricName, snakeCase } from './metric-name.js';

/** What the keys mean that every subsystem reports. */
const standardDescriptors: readonly ScalingMetricDescriptor[] = [
  { key: 'cache.size', type: 'gauge', help: 'Entries held by caches.' },
  { key: 'cache.hitRate', type: 'gauge', unit: 'ratio', help: 'Share of reads served by caches.' },
  { key: 'cache.memoryBytes', type: 'gauge', unit: 'bytes', help: 'Memory held by caches.' },
  { key: 'backpressure.state', type: 'gauge', help: 'Name of the worst backpressure state.' },
  { key: 'backpressure.queueDepth', type: 'gauge', help: 'Items that wait in queues.' },
];

interface Matcher {
  readonly descriptor: ScalingMetricDescriptor;
  /** Key without its variable segments. */
  readonly fixedKey: string;
  readonly labels: readonly string[];
  readonly pattern: RegExp;
}

const matchersOf = new WeakMap<object, readonly Matcher[]>();

/** Adds everything that a subsystem reports, labelled with its name. */
export function addSubsystemMetrics(families: MetricFamilies, subsystem: IScalableSubsystem): void {
  const labels = { subsystem: subsystem.subsystemName };
  families.add({
    name: 'dw_backpressure_level',
    type: 'gauge',
    help: 'Worst backpressure state: 0 normal, 1 warning, 2 critical, 3 shedding.',
    labels,
    value: backpressureStates.indexOf(subsystem.currentBackpressureState),
  });
  const matchers = [
    ...matchersFor(subsystem.metricDescriptors ?? []),
    ...matchersFor(standardDescriptors),
  ];
  for (const [key, value] of Object.entries(subsystem.getScalingMetrics())) {
    addMetric(families, matchers, labels, key, value);
  }
}

function addMetric(
  families: MetricFamilies,
  matchers: readonly Matcher[],
  ownLabels: Readonly<Record<string, string>>,
  key: string,
  value: number | string | boolean,
): void {
  const { fixedKey, variable, descriptor } = describe(matchers, key);
  const { type = 'gauge', unit, help = `Metric ${fixedKey} of a subsystem.` } = descriptor ?? {};
  const labels = { ...ownLabels, ...variable };
  if (typeof value === 'string') {
    const { name } = metricName(fixedKey, 'gauge', undefined);
    families.add({
      name: `${name}_info`,
      type: 'gauge',
      help,
      labels: { ...labels, value },
      value: 1,
    });
    return;
  }
  const { name, factor } = metricName(fixedKey, type, unit);
  families.add({ name, type, help, labels, value: Number(value) * factor });
}

function describe(
  matchers: readonly Matcher[],
  key: string,
): {
  readonly fixedKey: string;
  readonly variable: Readonly<Record<string, string>>;
  readonly descriptor?: ScalingMetricDescriptor;
} {
  for (const { pattern, labels, fixedKey, descriptor } of matchers) {
    const match = pattern.exec(key);
    if (match === null) continue;
    const variable = Object.fromEntries(labels.map((label, at) => [label, match[at + 1] ?? '']));
    return { fixedKey, variable, descriptor };
  }
  return { fixedKey: key, variable: {} };
}

function matchersFor(descriptors: readonly ScalingMetricDescriptor[]): readonly Matcher[] {
  const known = matchersOf.get(descriptors);
  if (known !== undefined) return known;
  const made = descriptors.map((descriptor): Matcher => {
    const segments = descriptor.key.split('.');
    const isVariable = (segment: string): boolean => /^<.+>$/.test(segment);
    const source = segments.map((segment) =>
      isVariable(segment) ? '(.+)' : segment.replace(/[^\w]/g, '\\$&'),
    );
    return {
      descriptor,
      fixedKey: segments.filter((segment) => !isVariable(segment)).join('.'),
      labels: segments.filter(isVariable).map(labelName),
      pattern: new RegExp(`^${source.join('\\.')}$`, 's'),
    };
  });
  matchersOf.set(descriptors, made);
  return made;
}

/** Label of a variable segment; what we or Prometheus use already gets another name. */
function labelName(segment: string): string {
  const name = snakeCase(segment.slice(1, -1)).replace(/^_+|_+$/g, '');
  const isTaken = ['subsystem', 'value', 'le', 'quantile', ''].includes(name);
  return isTaken || /^[0-9]/.test(name) ? `label_${name}` : name;
}
