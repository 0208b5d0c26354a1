import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { LogModel } from './log-model.js';
import { LogProcess, readReport } from './log-process.js';

const isSoak = process.env.DW_SOAK === '1';
/** Each directory is killed and opened again several times. */
const directories = isSoak ? 50 : 5;
const killsPerDirectory = isSoak ? 10 : 5;
const largestFiller = 300;

/** A kill while the callers append, or, at times, while the log is being opened. */
async function live(directory: string, reportFile: string, life: number): Promise<void> {
  const isConsuming = life % 3 === 2;
  const settings = { directory, reportFile, life, callers: 64, largestFiller, isConsuming };
  const child = LogProcess.start(settings);
  if (life % 5 !== 4) await child.ready();
  await child.killAfter(Math.random() * 250);
}

describe('a WriteAheadLog whose process is killed', () => {
  it.each(Array.from({ length: directories }, (_, index) => index + 1))(
    `has every acknowledged entry once and in order after ${killsPerDirectory} kills (%i of ${directories})`,
    async () => {
      await using folder = await temporaryFolder();
      const directory = join(folder.path, 'store');
      const reportFile = join(folder.path, 'report');
      const model = new LogModel(largestFiller);
      for (let life = 0; life < killsPerDirectory; life += 1) {
        await writeFile(reportFile, '');
        await live(directory, reportFile, life);
        const report = await readReport(reportFile);
        await using store = await ClassicLevelBackingStore.open({ directory });
        await model.check(store, life, report);
      }
      expect(model.acknowledgedCount).toBeGreaterThan(0);
    },
    300_000,
  );
});
