import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import { storePath, storePrefix } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type JobsSettings, maxRunning, readCount, resultPath } from './jobs-workload.js';

const isSoak = process.env.DW_SOAK === '1';
/** Each directory is killed and opened again several times. */
const directories = isSoak ? 50 : 2;
const kills = isSoak ? 10 : 5;
const main = join(import.meta.dirname, '..', 'dist', 'crash', 'jobs-crash.main.js');

/** Runs a process until it is killed, or, where it drains, until it ends by itself. */
async function live(settings: JobsSettings): Promise<void> {
  const child = spawn(process.execPath, [main, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    errors = (errors + piece).slice(-4_000);
  });
  if (!settings.isDraining) {
    // At times while it opens.
    if (settings.life % 5 !== 4) await Promise.race([once(child.stdout, 'data'), exited]);
    await delay(Math.random() * 300);
    child.kill('SIGKILL');
  }
  const [code, signal] = (await exited) as [number | null, string | null];
  const isExpected = settings.isDraining ? code === 0 : signal === 'SIGKILL';
  if (!isExpected) throw new Error(`The process ended with ${String(code)}: ${errors}`);
}

/** Jobs that were reported, by the kind of the report. A line that a kill has cut off does not count. */
async function readReport(file: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const report = new Map<string, string[]>([['x', []]]);
  for (const line of (await readFile(file, 'utf8')).split('\n').slice(0, -1)) {
    const [kind = '', jobId = ''] = line.split(' ');
    const jobs = report.get(kind) ?? [];
    jobs.push(jobId);
    report.set(kind, jobs);
  }
  return report;
}

async function count(paths: AsyncIterable<string>): Promise<number> {
  let found = 0;
  for await (const path of paths) found += path === '' ? 0 : 1;
  return found;
}

describe('a JobEngine whose process is killed', () => {
  it.each(Array.from({ length: directories }, (_, index) => index + 1))(
    `ends every acknowledged job exactly once after ${kills} kills (%i of ${directories})`,
    async () => {
      await using folder = await temporaryFolder();
      const directory = join(folder.path, 'store');
      const reportFile = join(folder.path, 'report');
      await writeFile(reportFile, '');
      const settings = { directory, reportFile, callers: 32 };
      for (let life = 1; life <= kills; life += 1) {
        const partitionCount = 1 + (life % 4);
        await live({ ...settings, life, partitionCount, isDraining: false });
      }
      await live({ ...settings, life: kills + 1, partitionCount: 2, isDraining: true });

      const report = await readReport(reportFile);
      const acknowledged = report.get('q') ?? [];
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(report.get('x')).toEqual([]);
      await using store = await ClassicLevelBackingStore.open({ directory });
      for (const jobId of acknowledged) {
        expect(await readCount(store, resultPath(jobId)), jobId).toBe(1);
        const job = await store.read(storePath('aeds', 'work', 'jobs', jobId));
        expect(JSON.parse(Buffer.from(job ?? []).toString()), jobId).toMatchObject({
          state: 'completed',
        });
      }
      for (const index of ['ready', 'owned', 'delayed', 'lines', 'dead']) {
        expect(await count(store.list(storePrefix('aeds', 'work', index))), index).toBe(0);
      }
      // What ran twice was running when the process was killed.
      const completed = await count(store.list(storePrefix('crash', 'results')));
      const begun = report.get('s')?.length ?? 0;
      const failed = report.get('f')?.length ?? 0;
      expect(begun - failed - completed).toBeLessThanOrEqual(kills * maxRunning);
    },
    300_000,
  );
});
