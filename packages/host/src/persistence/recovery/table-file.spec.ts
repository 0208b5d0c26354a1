import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkTable } from './table-file.js';

const key = (index: number): string => `dw://key/${1_000 + index}`;

/** A table as LevelDB writes it: of several blocks, compressed, with a filter. */
async function makeTable(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'dw-table-'));
  try {
    const level = new ClassicLevel(directory);
    await level.open();
    const batch = level.batch();
    for (let index = 0; index < 300; index += 1) {
      batch.put(key(index), `value ${index * 7919} `.repeat(4));
    }
    await batch.write();
    await level.close();
    await level.open();
    await level.close();
    const name = (await readdir(directory)).find((each) => each.endsWith('.ldb')) ?? '';
    return await readFile(join(directory, name));
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('checkTable', () => {
  let table: Buffer;

  beforeAll(async () => {
    table = await makeTable();
  });

  it('finds nothing wrong with a table of LevelDB', () => {
    expect(checkTable(table)).toEqual({ isSound: true, lost: [], rebuilt: undefined });
  });

  it('loses nothing by one flipped bit, wherever it is', () => {
    // All of the footer and the blocks before it, and some of the data.
    const exactFrom = 8 * (table.length - 300);
    for (let bit = 0; bit < 8 * table.length; bit += bit < exactFrom ? 97 : 1) {
      const flipped = Buffer.from(table);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const { isSound, lost, rebuilt } = checkTable(flipped);
      expect([bit, isSound, lost]).toEqual([bit, false, []]);
      expect(checkTable(rebuilt ?? flipped).isSound).toBe(true);
    }
  });

  it('names what a damaged block may have held, and keeps the other blocks', () => {
    const damaged = Buffer.from(table);
    damaged.fill(0xee, 100, 120);
    const { isSound, lost, rebuilt } = checkTable(damaged);
    expect(isSound).toBe(false);
    expect(lost).toHaveLength(1);
    expect(lost[0]?.from).toBeUndefined();
    const to = lost[0]?.to?.toString() ?? '';
    expect(to > key(0) && to < key(299)).toBe(true);
    expect(checkTable(rebuilt ?? damaged)).toMatchObject({ isSound: true, lost: [] });
  });

  it('keeps the blocks before the place where a table without an index is damaged', () => {
    const cut = table.subarray(0, Math.floor(table.length / 2));
    const { isSound, lost, rebuilt } = checkTable(cut);
    expect(isSound).toBe(false);
    expect(lost.map(({ to }) => to)).toEqual([undefined]);
    expect(lost[0]?.from?.toString()).toMatch(/^dw:/);
    expect(checkTable(rebuilt ?? cut).isSound).toBe(true);
  });

  it('keeps nothing of what is no table', () => {
    for (const nothing of [Buffer.alloc(0), Buffer.alloc(47), Buffer.alloc(1_000, 7)]) {
      expect(checkTable(nothing)).toEqual({
        isSound: false,
        lost: [{ from: undefined, to: undefined }],
        rebuilt: undefined,
      });
    }
  });
});
