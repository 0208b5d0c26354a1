import type { ScalingMetricDescriptor } from '@datawarehouse/sdk';

/** Name of a Prometheus metric, and what its values are multiplied with for the base unit. */
export interface MetricName {
  readonly name: string;
  readonly factor: number;
}

type Unit = NonNullable<ScalingMetricDescriptor['unit']>;

/** Last words that say the unit, by our rule that field names end in it. */
const unitWords: Readonly<Record<string, Unit | undefined>> = {
  bytes: 'bytes',
  seconds: 'seconds',
  ms: 'milliseconds',
  milliseconds: 'milliseconds',
  ratio: 'ratio',
};

/** Words that a metric name must not hold: Prometheus adds them itself, or takes them for units. */
const droppedWords = new Set(['total', 'gauge', 'counter']);
const abbreviations = new Set(['s', 'us', 'ns', 'b', 'kb', 'mb', 'gb', 'tb', 'pb', 'm', 'h', 'd']);

/**
 * Makes a metric name from a metric key by the rules of Prometheus: snake case, base units at the
 * end, `_total` behind counters.
 *
 * @param key - Metric key without its variable segments.
 */
export function metricName(
  key: string,
  type: 'counter' | 'gauge',
  declaredUnit: Unit | undefined,
): MetricName {
  const words = snakeCase(key)
    .split('_')
    .filter((word) => word !== '' && !droppedWords.has(word));
  const unit = declaredUnit ?? unitWords[words.at(-1) ?? ''];
  const named = withUnit(withoutAbbreviations(words), unit);
  const whole = ['dw', ...(type === 'counter' ? [...named, 'total'] : withoutReserved(named))];
  return { name: whole.join('_'), factor: unit === 'milliseconds' ? 0.001 : 1 };
}

/** Writes a name in snake case: `cache.hitRate` becomes `cache_hit_rate`. */
export function snakeCase(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}

function withUnit(words: readonly string[], unit: Unit | undefined): readonly string[] {
  // A rate, such as bytes per second, has its unit inside.
  if (unit === undefined || words.includes('per')) return withoutCount(words);
  switch (unit) {
    case 'milliseconds':
    case 'seconds': {
      const times = new Set(['ms', 'milliseconds', 'seconds']);
      return [...words.filter((word) => !times.has(word)), 'seconds'];
    }
    case 'bytes':
      return [...words.filter((word) => word !== 'bytes'), 'bytes'];
    case 'ratio': {
      const last = words.at(-1);
      const rest = last === 'rate' || last === 'ratio' ? words.slice(0, -1) : words;
      return [...rest, 'ratio'];
    }
  }
}

/** `replica_count` becomes `replicas`: `_count` belongs to histograms. */
function withoutCount(words: readonly string[]): readonly string[] {
  const noun = words.at(-2);
  if (words.at(-1) !== 'count' || noun === undefined) return words;
  return [...words.slice(0, -2), plural(noun)];
}

function plural(noun: string): string {
  if (/(?:s|x|z|ch|sh)$/.test(noun)) return noun.endsWith('s') ? noun : `${noun}es`;
  return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}

/** Spells out `sec`, and joins what would read as a unit to the word before it. */
function withoutAbbreviations(words: readonly string[]): readonly string[] {
  const spelled: string[] = [];
  for (const word of words) {
    const before = spelled.at(-1);
    if (word === 'sec' || word === 'secs') spelled.push(before === 'per' ? 'second' : 'seconds');
    else if (abbreviations.has(word) && before !== undefined) {
      spelled[spelled.length - 1] = before + word;
    } else spelled.push(word);
  }
  return spelled;
}

/** Endings that Prometheus keeps for histograms and summaries. */
function withoutReserved(words: readonly string[]): readonly string[] {
  const last = words.at(-1);
  return last === 'count' || last === 'sum' || last === 'bucket' ? [...words, 'value'] : words;
}
