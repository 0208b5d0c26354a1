import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newTimedId } from '../identity/identifiers.js';
import { DeliveryJournal, type JournalEntry } from './delivery-journal.js';

describe('DeliveryJournal', () => {
  let folder: string;
  let journal: DeliveryJournal;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-journal-'));
    journal = await DeliveryJournal.open(folder);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const reopen = async (maxFinished?: number): Promise<void> => {
    journal = await DeliveryJournal.open(folder, maxFinished);
  };
  const entry = (createdAt: number, changes: Partial<JournalEntry> = {}): JournalEntry => {
    const jobId = newTimedId(createdAt);
    const report = { jobId, state: 'applied' as const };
    const manifestId = newTimedId(createdAt);
    return { jobId, manifestId, createdAt, report, isReported: true, ...changes };
  };

  it('knows over a restart what is to be reported, and what was handled', async () => {
    const [done, open] = [entry(1), entry(2, { isReported: false })];
    await journal.record(done);
    await journal.record(open);
    await reopen();
    expect(journal.unreported()).toEqual([open.report]);
    await journal.markReported(open.jobId);
    await reopen();
    expect(journal.unreported()).toEqual([]);
    const other = newTimedId(9);
    expect(journal.isReplay(other, done.manifestId ?? '', 1)).toBe(true);
    expect(journal.isReplay(done.jobId, done.manifestId ?? '', 1)).toBe(false);
    expect(journal.isReplay(other, newTimedId(9), 1)).toBe(false);
  });

  it('forgets the oldest, and takes nothing of their age for new any more', async () => {
    await reopen(3);
    const entries = [1, 2, 3, 4, 5].map((createdAt) => entry(createdAt));
    for (const one of entries) await journal.record(one);
    expect((await readdir(folder)).filter((name) => name !== 'watermark.json')).toHaveLength(3);
    await reopen(3);
    for (const { manifestId = '', createdAt = 0 } of entries) {
      expect(journal.isReplay(newTimedId(9), manifestId, createdAt)).toBe(true);
    }
    expect(journal.isReplay(newTimedId(9), newTimedId(2), 2)).toBe(true);
    expect(journal.isReplay(newTimedId(9), newTimedId(6), 6)).toBe(false);
  });

  it('never forgets what is yet to be reported', async () => {
    await reopen(1);
    const waiting = entry(1, { isReported: false });
    await journal.record(waiting);
    for (const createdAt of [2, 3, 4]) await journal.record(entry(createdAt));
    expect(journal.unreported()).toEqual([waiting.report]);
  });

  it('knows which place has something newer', async () => {
    await journal.record(entry(5, { place: 'stable/a' }));
    expect(journal.isSuperseded('stable/a', 4)).toBe(true);
    expect(journal.isSuperseded('stable/a', 6)).toBe(false);
    expect(journal.isSuperseded('stable/b', 4)).toBe(false);
  });

  it('refuses damage, and clears away what a crash left half written', async () => {
    await writeFile(join(folder, 'x.json.abc.tmp'), '{');
    await reopen();
    expect(await readdir(folder)).toEqual([]);
    await writeFile(join(folder, `${newTimedId(1)}.json`), '{');
    await expect(reopen()).rejects.toMatchObject({ code: 'DW_AEDS_RECORD_DAMAGED' });
  });
});
