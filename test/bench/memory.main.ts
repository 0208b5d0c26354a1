import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoundedCache } from '@datawarehouse/sdk';
import { inFlight, openLog } from './log-contenders.js';

/** Of so many steps, one looks at the memory. */
const lookEvery = 1_000;
let mostBytes = 0;

function look(index: number): void {
  if (index % lookEvery === 0) mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
}

/** Memory when the work has begun: compiled, connected, its own tables filled. */
let beforeBytes: number | undefined;

function begin(): void {
  beforeBytes ??= process.memoryUsage.rss();
}

async function appendMillion(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dw-bench-memory-'));
  try {
    await using opened = await openLog(folder);
    const records = Array.from({ length: 1_000 }, () => randomBytes(200));
    const append = (index: number) =>
      opened.log.append(records[index % records.length] ?? Buffer.alloc(0));
    await inFlight(10_000, 256, append);
    begin();
    await inFlight(1_000_000, 256, (index) => {
      look(index);
      return append(index);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each key is looked for, as a cache is used, and put in; some of the recent ones are found. */
function fillCache(): void {
  const cache = new BoundedCache<string, { readonly index: number }>({ maxEntries: 10_000 });
  for (let index = 0; index < 10_100_000; index += 1) {
    if (index === 100_000) begin();
    look(index);
    const key = `dw://bench/${index}`;
    cache.get(`dw://bench/${index - (index % 5_000)}`);
    if (cache.get(key) === undefined) cache.set(key, { index });
  }
  if (cache.size > 10_000) throw new Error(`The cache holds ${cache.size} entries`);
}

// A process of its own: nothing else grows or shrinks meanwhile.
const [work] = process.argv.slice(2);
if (work !== 'cache') await appendMillion();
if (work !== 'log') fillCache();
look(0);
process.send?.(mostBytes - (beforeBytes ?? 0));
