import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLogFile, writeLogFile } from './log-file.js';

const record = (size: number, fill: number): Buffer => Buffer.alloc(size, `record ${fill} `);
/** Comparing digests is much faster than comparing arrays. */
const digests = (some: readonly Uint8Array[]): readonly string[] =>
  some.map((bytes) => createHash('sha1').update(bytes).digest('hex'));

/** Some within a block, some over several, one that leaves too little for a header. */
const records = [record(100, 1), record(32_768 - 7 - 107 - 5, 2), record(70_000, 3), record(50, 4)];

describe('readLogFile', () => {
  it('reads what writeLogFile writes, of any sizes', () => {
    const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(100_000)), { maxLength: 8 });
    fc.assert(
      fc.property(sizes, (some) => {
        const written = some.map((size, index) => record(size, index));
        const read = readLogFile(writeLogFile(written));
        expect(digests(read.records)).toEqual(digests(written));
        expect(read).toMatchObject({ damages: [], repairedCount: 0 });
      }),
      { numRuns: 40 },
    );
  });

  it('undoes a flipped bit wherever it is', () => {
    const small = [record(100, 1), record(200, 2), record(50, 3)];
    const bytes = writeLogFile(small);
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const read = readLogFile(flipped);
      expect(digests(read.records)).toEqual(digests(small));
      expect(read).toMatchObject({ damages: [], repairedCount: 1 });
    }
  });

  it('loses only the records that are damaged, and gives what is left of them', () => {
    const bytes = writeLogFile(records);
    const at = bytes.length - 40_000;
    bytes.fill(0xee, at, at + 20);
    const read = readLogFile(bytes);
    expect(digests(read.records)).toEqual(digests(records.filter((_, index) => index !== 2)));
    expect(read.damages).toHaveLength(1);
    expect(read.damages[0]).toMatchObject({ isTail: false, offset: 32_768 });
    expect(read.damages[0]?.payload.length).toBe(records[2]?.length);
  });

  it('finds the next record behind a length that means nothing', () => {
    const bytes = writeLogFile([record(100, 1), record(100, 2), record(100, 3)]);
    bytes.fill(0xee, 107, 130);
    const { records: left, damages } = readLogFile(bytes);
    expect(left).toEqual([record(100, 1), record(100, 3)]);
    expect(damages).toMatchObject([{ offset: 107, isTail: false }]);
  });

  it('takes a file cut off anywhere for the records that are whole, and a torn tail', () => {
    const bytes = writeLogFile(records);
    const ends = new Set([0, 107, 32_763, 32_768, bytes.length - 57, bytes.length]);
    for (let length = 0; length <= bytes.length; length += length % 32_768 < 120 ? 1 : 977) {
      const read = readLogFile(bytes.subarray(0, length));
      expect(digests(read.records)).toEqual(digests(records.slice(0, read.records.length)));
      expect(read.repairedCount).toBe(0);
      const tails = read.damages.map(({ isTail }) => isTail);
      if (!ends.has(length) && length < 32_763) expect(tails).toEqual([true]);
      expect(tails.length).toBeLessThanOrEqual(1);
    }
  });

  it('takes zeros at the end for a torn tail', () => {
    const bytes = Buffer.concat([writeLogFile([record(100, 1)]), Buffer.alloc(5_000)]);
    const { records: left, damages } = readLogFile(bytes);
    expect(left).toEqual([record(100, 1)]);
    expect(damages).toMatchObject([{ offset: 107, isTail: true }]);
  });
});
