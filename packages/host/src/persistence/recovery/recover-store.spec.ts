import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DamagedRanges } from './damaged-ranges.js';
import { recoverStore } from './recover-store.js';
import { writtenKeys } from './write-batch.js';

describe('recoverStore', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'dw-recover-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const recover = (maxVerifiedBytes = 1e9) => recoverStore({ directory, maxVerifiedBytes });

  /** Opens and closes the database, each time with more in it: a table each. */
  async function makeTables(count: number): Promise<void> {
    const level = new ClassicLevel(directory);
    for (let round = 0; round <= count; round += 1) {
      await level.open();
      if (round < count) await level.put(`dw://${round}`, 'x'.repeat(10_000));
      await level.close();
    }
  }

  it('finds nothing in a folder that is empty, or holds other files', async () => {
    await mkdir(join(directory, 'guard'));
    await writeFile(join(directory, 'LOCK'), '');
    const { recovery, ranges } = await recover();
    expect(recovery).toEqual({ findings: [], verifiedBytes: 0, unverifiedBytes: 0 });
    expect(ranges.isEmpty).toBe(true);
  });

  it('verifies everything, and changes nothing where all is sound', async () => {
    await makeTables(3);
    const before = await readdir(directory);
    const { recovery } = await recover();
    expect(recovery.findings).toEqual([]);
    expect(recovery.unverifiedBytes).toBe(0);
    expect(await readdir(directory)).toEqual(before);
  });

  it('verifies no more tables than it may, others each time, and tells how much is left', async () => {
    await makeTables(3);
    const all = (await recover()).recovery.verifiedBytes;
    const left = new Set<number>();
    for (let round = 0; round < 30; round += 1) {
      const { verifiedBytes, unverifiedBytes } = (await recover(1)).recovery;
      expect(verifiedBytes + unverifiedBytes).toBe(all);
      left.add(unverifiedBytes > 0 ? 1 : 0);
    }
    expect([...left]).toEqual([1]);
  });

  it('joins damaged ranges that meet, and keeps them over openings with their numbers', async () => {
    const range = (from: string, to: string) => ({ from: Buffer.from(from), to: Buffer.from(to) });
    const ranges = await DamagedRanges.open(directory);
    await ranges.add([range('dw://b', 'dw://d'), range('dw://x', 'dw://x')]);
    await ranges.add([range('dw://d', 'dw://e')]);
    await ranges.add([{ from: Buffer.of(0xc3), to: Buffer.of(0xff) }]);
    const again = await DamagedRanges.open(directory);
    for (const each of [ranges, again]) {
      const damages = ['dw://a', 'dw://b', 'dw://e', 'dw://f', 'dw://x', 'ü'].map((path) =>
        each.damageOf(path),
      );
      expect(damages).toEqual([0, 2, 2, 0, 1, 3]);
      expect(each.lastDamage).toBe(3);
    }
  });

  it('keeps the list of damaged ranges short by joining them', async () => {
    const ranges = await DamagedRanges.open(directory);
    const keys = Array.from({ length: 3_000 }, (_, index) => Buffer.from(`dw://${10_000 + index}`));
    await ranges.add(keys.map((key) => ({ from: key, to: key })));
    for (const key of keys) expect(ranges.damageOf(key.toString())).toBe(1);
    expect(ranges.damageOf('dw://9')).toBe(0);
  });
});

describe('writtenKeys', () => {
  it('tells nothing of what is too short', () => {
    expect(writtenKeys(new Uint8Array(5))).toEqual({ keys: [], isComplete: false });
    expect(writtenKeys(new Uint8Array(40))).toEqual({ keys: [], isComplete: false });
  });
});
