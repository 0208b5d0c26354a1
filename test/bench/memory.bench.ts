import { boundedRow, runBenchmark } from './support/benchmark.js';
import { median } from './support/contenders.js';
import { growthBytes } from './support/growth.js';

const works = {
  log: '1,000,000 appends',
  cache: 'a cache of 10,000 entries over 10,000,000 keys',
  both: 'both in one process',
} as const;

await runBenchmark({
  name: 'memory',
  measure: async ({ runs }) => {
    const rows = [];
    for (const work of ['log', 'cache', 'both'] as const) {
      const figures: number[] = [];
      for (let run = 0; run < runs; run += 1) figures.push((await growthBytes(work)) / 1024 ** 2);
      const value = median(figures);
      const note = `highest RSS of a process of its own, at most ${Math.max(...figures).toFixed(1)}`;
      rows.push(boundedRow({ name: `RSS growth: ${works[work]}`, value, unit: 'MiB', note }, 100));
    }
    return rows;
  },
});
