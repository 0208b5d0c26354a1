import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import { DwError, WriteAheadLog } from '@datawarehouse/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { type Image, lastRecord, newestFile, takeImage, writeImage } from './log-image.js';
import { readAll } from './log-model.js';
import { LogProcess, type Report, readReport } from './log-process.js';
import { entryText, logPaths } from './log-workload.js';

const isSoak = process.env.DW_SOAK === '1';
const largestFiller = 60;
const samples = 40;

let folder: TemporaryFolder;
let image: Image;
let report: Report;
let newest: string;
let record: { readonly start: number; readonly end: number };
/** Entries in front of the last record, and with it. */
let before: Served;
let whole: Served;

interface Served {
  readonly texts: readonly string[];
  readonly outcome: WriteAheadLog['recovery']['outcome'];
}

/** Opens a damaged image, and reads what is served: all of it, up to the damage at most. */
async function served(content: Buffer): Promise<Served> {
  const directory = join(folder.path, 'damaged');
  await writeImage(directory, image, [newest, content]);
  await using store = await ClassicLevelBackingStore.open({ directory });
  await using log = await WriteAheadLog.open({ ...logPaths, store });
  const entries = await readServed(log);
  expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
  // It goes on behind whatever was there.
  const head = log.headSequence;
  const { sequence } = await log.append(Buffer.from('more'));
  expect(sequence).toBe(head + 1);
  expect(Buffer.from((await log.read(sequence))[0]?.data ?? []).toString()).toBe('more');
  const texts = entries.map(({ data }) => Buffer.from(data).toString());
  return { texts, outcome: log.recovery.outcome };
}

async function readServed(log: WriteAheadLog): ReturnType<typeof readAll> {
  try {
    return await readAll(log);
  } catch (error) {
    if (!DwError.is(error, 'DW_LOG_GAP')) throw error;
    const end = Number(error.details.firstSequence);
    return end === 1 ? [] : log.read(1, { limitEntries: end - 1 });
  }
}

/** Every one of them in a soak; otherwise the first, the last, and some in between. */
function someOf(count: number): readonly number[] {
  const all = Array.from({ length: count }, (_, index) => index);
  const stride = isSoak ? 1 : Math.max(1, Math.floor(count / samples));
  return all.filter((index) => index % stride === 0 || index === count - 1);
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const directory = join(folder.path, 'store');
  const reportFile = join(folder.path, 'report');
  await writeFile(reportFile, '');
  const child = LogProcess.start({
    ...{ directory, reportFile, life: 1, callers: 4, largestFiller, isConsuming: false },
  });
  await child.ready();
  do report = await readReport(reportFile);
  while (report.acknowledged.length < 200);
  image = await takeImage(directory);
  await child.killAfter(0);
  newest = newestFile(image);
  const log = image.get(newest) ?? Buffer.alloc(0);
  record = lastRecord(log);
  whole = await served(log.subarray(0, record.end));
  before = await served(log.subarray(0, record.start));
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

describe('a WriteAheadLog in a directory that was copied while it was written to', () => {
  it('has every entry that had been acknowledged before', () => {
    expect([before.outcome, whole.outcome]).toEqual(['resumed', 'resumed']);
    expect(before.texts.length).toBeLessThan(whole.texts.length);
    expect(whole.texts.slice(0, before.texts.length)).toEqual(before.texts);
    for (const { sequence, ...entry } of report.acknowledged) {
      expect(whole.texts[sequence - 1]).toBe(entryText(entry, largestFiller));
    }
  });

  it('has all but the last record where its newest file is cut anywhere in that', async () => {
    const log = image.get(newest) ?? Buffer.alloc(0);
    for (const offset of someOf(record.end - record.start)) {
      expect(await served(log.subarray(0, record.start + offset)), `cut at ${offset}`).toEqual(
        before,
      );
    }
  }, 600_000);

  it('has all, or starts a new epoch behind all but the last record, where a bit of that is flipped', async () => {
    const log = image.get(newest) ?? Buffer.alloc(0);
    for (const bit of someOf((record.end - record.start) * 8)) {
      const flipped = Buffer.from(log.subarray(0, record.end));
      const at = record.start + (bit >> 3);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (bit & 7)), at);
      // The store may see that what the record says is whole all the same.
      const told: Served = { texts: before.texts, outcome: 'newEpoch' };
      expect([whole, told], `bit ${bit} flipped`).toContainEqual(await served(flipped));
    }
  }, 3_600_000);
});
