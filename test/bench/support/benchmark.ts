import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { median } from './contenders.js';

/** One figure of a benchmark. */
export interface BenchRow {
  readonly name: string;
  /** `undefined` where it could not be measured; `note` says why. */
  readonly value: number | undefined;
  readonly unit: string;
  /** The figure as a multiple of what it is compared with. */
  readonly ratio?: number;
  /** What the ratio has to reach; or the value, where there is no ratio. */
  readonly bar?: number;
  /** Whether it does. */
  readonly reached?: boolean;
  readonly note?: string;
}

/** What a benchmark gets. */
export interface BenchContext {
  /** Seed of everything random: the same seed gives the same work. */
  readonly seed: number;
  /** How many times each contender runs. */
  readonly runs: number;
}

/** Options of {@link runBenchmark}. */
export interface BenchOptions {
  readonly name: string;
  readonly measure: (context: BenchContext) => Promise<readonly BenchRow[]>;
}

const usage = `Options:
  --json      print one JSON object
  --runs N    runs of each contender; the median counts (default 5)
  --seed N    seed of everything random (default 1)`;

/**
 * Runs a benchmark, and prints its rows with the machine and the seed.
 *
 * The exit code says whether it ran, not what it found.
 */
export async function runBenchmark({ name, measure }: BenchOptions): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      runs: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
    // A benchmark may have options of its own.
    strict: false,
  });
  if (values.help === true) {
    console.log(usage);
    return;
  }
  const context = {
    seed: wholeNumber('seed', values.seed, 0),
    runs: wholeNumber('runs', values.runs, 1),
  };
  const machine = machineOf();
  const rows = await measure(context);
  if (values.json === true)
    console.log(JSON.stringify({ benchmark: name, machine, ...context, rows }));
  else console.log(textOf(name, machine, context, rows));
}

/** A row for a peer that is not there. */
export function notInstalled(name: string, unit: string): BenchRow {
  return { name, value: undefined, unit, note: 'not installed' };
}

/** A row with a ratio to another figure, and whether it is at least the bar. */
export function comparedRow(
  row: Pick<BenchRow, 'name' | 'unit' | 'note'> & { readonly value: number },
  to: number,
  bar?: number,
): BenchRow {
  const ratio = row.value / to;
  return bar === undefined ? { ...row, ratio } : { ...row, ratio, bar, reached: ratio >= bar };
}

/**
 * A row of figures that were measured in turn with those of another: its ratio is the median of
 * the ratios of each round, so a moment in which the machine was slow counts in one round only.
 */
export function roundsRow(
  row: Pick<BenchRow, 'name' | 'unit' | 'note'>,
  figures: readonly number[],
  to: readonly number[],
  bar?: number,
): BenchRow {
  const ratios = figures.map((figure, round) => figure / (to[round] ?? Number.NaN));
  const ratio = median(ratios);
  const [least, most] = [Math.min(...ratios).toFixed(3), Math.max(...ratios).toFixed(3)];
  const spread = `${ratios.length} rounds: × ${least} to ${most}`;
  const note = row.note === undefined ? spread : `${row.note}; ${spread}`;
  const measured = { ...row, value: median(figures), ratio, note };
  return bar === undefined ? measured : { ...measured, bar, reached: ratio >= bar };
}

/** A row whose value may be at most the bar. */
export function boundedRow(
  row: Pick<BenchRow, 'name' | 'unit' | 'note'> & { readonly value: number },
  bar: number,
): BenchRow {
  return { ...row, bar, reached: row.value <= bar };
}

function wholeNumber(name: string, value: unknown, least: number): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new TypeError(`--${name} is a whole number of ${least} or more, not ${String(value)}`);
}

function machineOf(): Readonly<Record<string, string | number>> {
  const processors = cpus();
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryBytes: totalmem(),
  };
}

function textOf(
  name: string,
  machine: Readonly<Record<string, string | number>>,
  { seed, runs }: BenchContext,
  rows: readonly BenchRow[],
): string {
  const width = Math.max(...rows.map((row) => row.name.length));
  const about = Object.values(machine).join(', ');
  return [
    `${name}: medians of ${runs} interleaved runs, seed ${seed}`,
    about,
    '',
    ...rows.map((row) => lineOf(row, width)),
  ].join('\n');
}

function lineOf({ name, value, unit, ratio, bar, reached, note }: BenchRow, width: number): string {
  const figure = value === undefined ? '-' : shortened(value);
  const verdict =
    reached === undefined ? '' : `  bar ${bar ?? ''}: ${reached ? 'reached' : 'MISSED'}`;
  const compared = ratio === undefined ? '' : `  × ${ratio.toFixed(3)}`;
  const noted = note === undefined ? '' : `  (${note})`;
  return `${name.padEnd(width)}  ${figure.padStart(14)} ${unit}${compared}${verdict}${noted}`;
}

function shortened(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
