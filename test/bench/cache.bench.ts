import { BoundedCache, type EvictionPolicyName } from '@datawarehouse/sdk';
import { LRUCache } from 'lru-cache';
import { type ContenderName, contenders, type MeasuredCache } from './cache-contenders.js';
import { type BenchRow, boundedRow, comparedRow, runBenchmark } from './support/benchmark.js';
import {
  madeTraces,
  optimalHits,
  randomOf,
  readTrace,
  type Trace,
  tracesFolder,
} from './support/cache-traces.js';
import { type Contender, interleave, median, rateOf } from './support/contenders.js';
import { liveBytes } from './support/heap.js';

const policies: readonly EvictionPolicyName[] = ['LRU', 'TTL', 'ARC', 'W-TinyLFU'];
const requestCount = 300_000;

/** Sizes at which each trace is run, and the hit ratio in % that W-TinyLFU, or ARC, has to reach. */
const traceSizes: Readonly<
  Record<string, Readonly<Record<number, Partial<Record<string, number>>>>>
> = {
  gli: { 500: {}, 1_000: { 'W-TinyLFU': 48.84 - 0.5 } },
  loop: { 512: { 'W-TinyLFU': 49.19 - 0.5 } },
  cs: { 563: { 'W-TinyLFU': 30.36 - 0.5 }, 1_000: {} },
  cpp: { 50: { 'W-TinyLFU': 52.07 - 0.5 } },
  ps: { 1_000: { 'W-TinyLFU': 64.54 - 0.5 } },
  sprite: { 400: { 'W-TinyLFU': 70.12 - 0.5 } },
  multi1: { 800: { 'W-TinyLFU': 61.7 - 0.5 } },
  multi2: { 1_000: { 'W-TinyLFU': 55.65 - 0.5 } },
  multi3: { 1_800: { 'W-TinyLFU': 58.43 - 0.5 } },
  '2_pools': { 100: { 'W-TinyLFU': 46.54 - 0.5 } },
  OLTP: {
    1_000: { 'W-TinyLFU': 40.61 - 0.5, ARC: 38.94 - 0.05 },
    2_000: { ARC: 46.08 - 0.05 },
    5_000: { 'W-TinyLFU': 54.12 - 0.5, ARC: 55.25 - 0.05 },
    10_000: { ARC: 61.87 - 0.05 },
    15_000: { ARC: 65.4 - 0.05 },
  },
};

interface Counted {
  get(key: number): unknown;
  set(key: number, value: number): unknown;
}

function hitPercent(cache: Counted, trace: Trace): number {
  let hits = 0;
  for (const key of trace) {
    if (cache.get(key) === undefined) cache.set(key, key);
    else hits += 1;
  }
  return (100 * hits) / trace.length;
}

/** Hit ratio of a policy; of W-TinyLFU, which draws seeds, the median of some. */
function policyPercent(
  trace: Trace,
  maxEntries: number,
  eviction: EvictionPolicyName,
  seed: number,
) {
  const seeds = eviction === 'W-TinyLFU' ? [1, 2, 3, 4, 5] : [1];
  return median(
    seeds.map((some) => {
      const random = randomOf(1_000 * seed + some);
      return hitPercent(new BoundedCache({ maxEntries, eviction, random }), trace);
    }),
  );
}

function ratioRows(
  name: string,
  trace: Trace,
  maxEntries: number,
  bars: Partial<Record<string, number>>,
  seed: number,
): BenchRow[] {
  const best = (100 * optimalHits(trace, maxEntries)) / trace.length;
  const peer = hitPercent(new LRUCache<number, number>({ max: maxEntries }), trace);
  const rows: BenchRow[] = policies.map((eviction) => {
    const value = policyPercent(trace, maxEntries, eviction, seed);
    const row = { name: `${name}@${maxEntries} ${eviction}`, value, unit: '% hits' };
    if (eviction === 'LRU') return { ...row, bar: peer, reached: value === peer };
    const bar = bars[eviction];
    return bar === undefined ? row : { ...row, bar, reached: value >= bar };
  });
  return [
    { name: `${name}@${maxEntries} optimum`, value: best, unit: '% hits' },
    { name: `${name}@${maxEntries} lru-cache`, value: peer, unit: '% hits' },
    ...rows,
  ];
}

function hitRatioRows(seed: number): BenchRow[] {
  const rows: BenchRow[] = [];
  for (const [name, sizes] of Object.entries(traceSizes)) {
    const trace = readTrace(name);
    if (trace === undefined) {
      const note = `SKIPPED: no ${name} in ${tracesFolder}; set DW_CACHE_TRACES`;
      rows.push({ name, value: undefined, unit: '% hits', note });
      continue;
    }
    for (const [size, bars] of Object.entries(sizes)) {
      rows.push(...ratioRows(name, trace, Number(size), bars, seed));
    }
  }
  for (const [name, trace] of Object.entries(madeTraces(seed))) {
    rows.push(...ratioRows(name, trace, 1_000, {}, seed));
  }
  return rows;
}

const value = {};

function work(
  make: (max: number) => MeasuredCache,
  kind: 'read-through' | 'get' | 'set',
  keys: readonly string[],
  order: Int32Array,
): Contender {
  const maxEntries = keys.length / 2;
  return () => {
    const cache = make(maxEntries);
    for (let index = 0; index < maxEntries; index += 1) cache.set(keys[index] ?? '', value);
    return rateOf(order.length, () => {
      for (const index of order) {
        const key = keys[index] ?? '';
        if (kind === 'set') cache.set(key, value);
        else if (cache.get(key) === undefined && kind === 'read-through') cache.set(key, value);
      }
    });
  };
}

async function speedRows(runs: number, seed: number): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const bars: Partial<Record<ContenderName, number>> = { LRU: 0.9, ARC: 0.8, 'W-TinyLFU': 0.5 };
  for (const entries of [1_000, 100_000, 1_000_000]) {
    const random = randomOf(seed);
    const keys = Array.from({ length: 2 * entries }, (_, index) => `key:${index}`);
    const orders = {
      'read-through': () => Math.floor(2 * entries * random() ** 3),
      get: () => Math.floor(entries * random()),
      set: () => Math.floor(2 * entries * random()),
    };
    for (const kind of ['read-through', 'get', 'set'] as const) {
      const order = Int32Array.from({ length: requestCount }, orders[kind]);
      const tasks = Object.entries(contenders).map(
        ([name, make]) => [name, work(make, kind, keys, order)] as const,
      );
      const rates = await interleave(
        Object.fromEntries(tasks) as Record<ContenderName, Contender>,
        {
          runs,
        },
      );
      for (const [name, rate] of Object.entries(rates) as [ContenderName, number][]) {
        const row = { name: `${kind} ${entries} ${name}`, value: rate, unit: 'operations/s' };
        rows.push(comparedRow(row, rates['lru-cache'], bars[name]));
      }
    }
  }
  return rows;
}

function memoryRows(): BenchRow[] {
  const entries = 1_000_000;
  const keys = Array.from({ length: entries }, (_, index) => `key:${index}`);
  // A text that was put together is made flat, and gets its hash, when a map sees it first.
  new Set(keys).clear();
  const bars: Partial<Record<ContenderName, number>> = { LRU: 62, 'W-TinyLFU': 80 };
  return (Object.keys(contenders) as ContenderName[]).map((name) => {
    const before = liveBytes();
    const cache = contenders[name](entries);
    for (const key of keys) cache.set(key, value);
    const bytes = (liveBytes() - before) / entries;
    const row = { name: `bytes an entry ${name}`, value: bytes, unit: 'B' };
    // Keeps the cache alive until it has been measured.
    if (cache.get('none') !== undefined) throw new Error('nobody has set this');
    const bar = bars[name];
    return bar === undefined ? row : boundedRow(row, bar);
  });
}

/** The longest turn of the event loop while a change goes on in steps. */
async function longestTurnMs(change: () => void, isDone: () => boolean): Promise<number> {
  let longestMs = 0;
  let atMs = performance.now();
  change();
  for (let turns = 0; turns < 5 || !isDone(); turns += 1) {
    await new Promise(setImmediate);
    longestMs = Math.max(longestMs, performance.now() - atMs);
    atMs = performance.now();
  }
  return longestMs;
}

async function pauseRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const eviction of policies) {
    const cache = new BoundedCache<number, object>({ maxEntries: 1_000_000, eviction });
    let growthMs = 0;
    for (let key = 0; key < 1_000_000; key += 1) {
      const atMs = performance.now();
      cache.set(key, value);
      growthMs = Math.max(growthMs, performance.now() - atMs);
    }
    const name = `longest pause ${eviction}, growing to 1 000 000`;
    const note = 'V8 rehashes its Map in one piece';
    rows.push({ name, value: growthMs, unit: 'ms', note });
    const shrinkMs = await longestTurnMs(
      () => cache.reconfigure({ maxEntries: 100_000 }),
      () => cache.size <= 100_000,
    );
    const row = { name: `longest pause ${eviction}, 1 000 000 to 100 000`, unit: 'ms' };
    rows.push(boundedRow({ ...row, value: shrinkMs }, 25));
    const other = eviction === 'W-TinyLFU' ? 'LRU' : 'W-TinyLFU';
    let turns = 0;
    const switchMs = await longestTurnMs(
      () => cache.reconfigure({ eviction: other }),
      () => (turns += 1) > 250,
    );
    const changed = { name: `longest pause ${eviction} to ${other}, 100 000`, unit: 'ms' };
    rows.push(boundedRow({ ...changed, value: switchMs }, 25));
  }
  return rows;
}

function constructionRow(): BenchRow {
  const timesMs = Array.from({ length: 51 }, () => {
    const atMs = performance.now();
    new BoundedCache({ maxEntries: 2 ** 24 });
    return performance.now() - atMs;
  });
  return boundedRow({ name: 'construction, 2^24 entries', value: median(timesMs), unit: 'ms' }, 1);
}

function estimateRows(seed: number): BenchRow[] {
  const rows: BenchRow[] = [];
  for (const name of ['gli', 'sprite', 'multi3', '2_pools', 'OLTP']) {
    const trace = readTrace(name);
    if (trace === undefined) continue;
    const random = randomOf(seed);
    const watched = new BoundedCache<number, number>({
      maxEntries: 1_000,
      estimates: true,
      random,
    });
    hitPercent(watched, trace);
    for (const eviction of policies) {
      const errors = [500, 1_000, 2_000, 5_000].map((entries) => {
        const told = watched.estimate({ entries, eviction })?.hitRatio ?? Number.NaN;
        const truth = hitPercent(
          new BoundedCache({ maxEntries: entries, eviction, random }),
          trace,
        );
        return Math.abs(100 * told - truth);
      });
      const row = { name: `estimate error ${name} ${eviction}`, value: Math.max(...errors) };
      rows.push(boundedRow({ ...row, unit: 'points' }, 3));
    }
  }
  return rows;
}

await runBenchmark({
  name: 'cache',
  measure: async ({ runs, seed }) => [
    ...hitRatioRows(seed),
    constructionRow(),
    ...memoryRows(),
    ...(await pauseRows()),
    ...estimateRows(seed),
    ...(await speedRows(runs, seed)),
  ],
});
