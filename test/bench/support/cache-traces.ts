import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** Requests for keys, in order. */
export type Trace = Int32Array;

/** Where the traces are: `DW_CACHE_TRACES`, or the folder beside the project. */
export const tracesFolder: string =
  process.env.DW_CACHE_TRACES ??
  fileURLToPath(new URL('../../../../../shared/data/traces', import.meta.url));

/** Reads a trace of the LIRS or of the ARC paper; `undefined` where the file is not there. */
export function readTrace(name: string): Trace | undefined {
  const isArc = name === 'OLTP';
  const file = join(tracesFolder, isArc ? `arc_${name}.lis.gz` : `lirs_${name}.trace.gz`);
  if (!existsSync(file)) return undefined;
  const lines = gunzipSync(readFileSync(file)).toString('latin1').split('\n');
  const keys: number[] = [];
  for (const line of lines) {
    const [start = '', count = '1'] = line.trim().split(/\s+/);
    if (start === '' || start === '*') continue;
    const length = isArc ? Number(count) : 1;
    for (let offset = 0; offset < length; offset += 1) keys.push(Number(start) + offset);
  }
  return Int32Array.from(keys);
}

/** Hits that nobody can better: what is needed last goes, or is not kept (Belady 1966). */
export function optimalHits(trace: Trace, maxEntries: number): number {
  const next = new Int32Array(trace.length).fill(trace.length);
  const seen = new Map<number, number>();
  for (let index = trace.length - 1; index >= 0; index -= 1) {
    const key = trace[index] ?? 0;
    next[index] = seen.get(key) ?? trace.length;
    seen.set(key, index);
  }
  // For each request that will be repeated while its key is held: which request that is.
  const held = new Map<number, number>();
  const latest = new LatestFirst();
  let hits = 0;
  for (let index = 0; index < trace.length; index += 1) {
    const key = trace[index] ?? 0;
    const nextUse = next[index] ?? trace.length;
    if (held.delete(key)) hits += 1;
    if (nextUse === trace.length) continue;
    held.set(key, nextUse);
    latest.push(nextUse);
    while (held.size > maxEntries) {
      const use = latest.pop();
      const victim = trace[use] ?? 0;
      if (held.get(victim) === use) held.delete(victim);
    }
  }
  return hits;
}

/** Numbers, the largest first. */
class LatestFirst {
  readonly #heap: number[] = [];

  push(value: number): void {
    const heap = this.#heap;
    let place = heap.push(value) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const upper = heap[parent] ?? 0;
      if (upper >= value) break;
      heap[place] = upper;
      place = parent;
    }
    heap[place] = value;
  }

  pop(): number {
    const heap = this.#heap;
    const top = heap[0] ?? 0;
    const value = heap.pop() ?? 0;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1] ?? -1) > (heap[child] ?? -1)) child += 1;
      if ((heap[child] ?? -1) <= value) break;
      heap[place] = heap[child] ?? 0;
      place = child;
    }
    if (heap.length > 0) heap[place] = value;
    return top;
  }
}

/** Numbers of at least 0 and less than 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws from keys of which the nth is asked for as often as 1 / n ** exponent. */
function zipf(keyCount: number, exponent: number, random: () => number): () => number {
  const sums = new Float64Array(keyCount);
  let sum = 0;
  for (let rank = 0; rank < keyCount; rank += 1) {
    sum += (rank + 1) ** -exponent;
    sums[rank] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = keyCount - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Made loads that no real trace was tuned for. */
export function madeTraces(seed: number, requestCount = 300_000): Readonly<Record<string, Trace>> {
  const random = randomOf(seed);
  const skewed = zipf(20_000, 0.9, random);
  const steep = zipf(5_000, 1.1, random);
  const of = (request: (index: number) => number): Trace => {
    const trace = new Int32Array(requestCount);
    for (let index = 0; index < requestCount; index += 1) trace[index] = request(index);
    return trace;
  };
  return {
    zipf: of(() => skewed()),
    'zipf with scans': of((index) => (index % 5_000 < 2_000 ? 10_000_000 + index : skewed())),
    loops: of((index) => (index >> 16) * 10_000 + (index % (1_300 + 400 * ((index >> 16) % 3)))),
    'shifting zipf': of((index) => steep() + 3_000 * Math.floor(index / 30_000)),
    'recent only': of((index) => Math.max(0, (index >> 2) - Math.floor(1_500 * random() ** 2))),
    'zipf, then recent, then a loop': of((index) => {
      const phase = Math.floor(index / 50_000) % 3;
      if (phase === 0) return skewed();
      if (phase === 1) return 1_000_000 + (index >> 2) - Math.floor(1_500 * random());
      return 5_000_000 + (index % 1_500);
    }),
  };
}
