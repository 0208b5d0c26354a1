import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storeError } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replaceFile } from '../replace-file.js';
import type { KeyRange } from './store-recovery.js';

const fileName = 'damaged-ranges.json';
/** More are joined, so that the file stays small. */
const maxRanges = 1_000;

/** A range, and which damage made it: later ones have higher numbers. */
interface NumberedRange extends KeyRange {
  readonly damage: number;
}

/** Every byte is one character: paths are readable, and bounds that are no UTF-8 are kept. */
const encoding = 'latin1';
const bound = z.string().transform((text) => Buffer.from(text, encoding));
const schema = z
  .array(z.object({ from: bound, to: bound, damage: z.number().int().positive() }).readonly())
  .readonly();

/**
 * Paths whose values may be lost or old since a file of the store was damaged.
 *
 * Kept in a file of its own: LevelDB forgets with its next compaction that something was missing.
 */
export class DamagedRanges {
  readonly #file: string;
  #ranges: readonly NumberedRange[];

  private constructor(file: string, ranges: readonly NumberedRange[]) {
    this.#file = file;
    this.#ranges = ranges;
  }

  static async open(directory: string): Promise<DamagedRanges> {
    const file = join(directory, fileName);
    return new DamagedRanges(file, await readRanges(file));
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Number of the last damage. What is written now is newer than all of it. */
  get lastDamage(): number {
    return Math.max(0, ...this.#ranges.map(({ damage }) => damage));
  }

  /** Number of the last damage that may have hit a path; 0 where none has. */
  damageOf(path: string): number {
    if (this.isEmpty) return 0;
    const key = Buffer.from(path);
    let last = 0;
    for (const { from, to, damage } of this.#ranges) {
      const isWithin = Buffer.compare(from, key) <= 0 && Buffer.compare(key, to) <= 0;
      if (isWithin) last = Math.max(last, damage);
    }
    return last;
  }

  /** Adds ranges, durably. */
  async add(ranges: readonly KeyRange[]): Promise<void> {
    if (ranges.length === 0) return;
    const damage = this.lastDamage + 1;
    this.#ranges = joined([...this.#ranges, ...ranges.map((range) => ({ ...range, damage }))]);
    const written = this.#ranges.map(({ from, to, damage: number }) => ({
      damage: number,
      from: from.toString(encoding),
      to: to.toString(encoding),
    }));
    await replaceFile(this.#file, `${JSON.stringify(written, undefined, 2)}\n`);
  }
}

async function readRanges(file: string): Promise<readonly NumberedRange[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw storeError('DW_STORE_CORRUPT', {
      message: `The list of damaged ranges ${file} is malformed`,
      hint: 'Put it right, or remove it to take what the store has left for all there is.',
      cause,
      details: { file },
    });
  }
}

/** Joins ranges that meet, and then the nearest in order until they are few enough. */
function joined(ranges: readonly NumberedRange[]): readonly NumberedRange[] {
  const ordered = [...ranges].sort((a, b) => Buffer.compare(a.from, b.from));
  const result: NumberedRange[] = [];
  for (const range of ordered) {
    const last = result.at(-1);
    if (last === undefined) result.push(range);
    else if (Buffer.compare(range.from, last.to) <= 0 || result.length >= maxRanges) {
      const to = Buffer.compare(range.to, last.to) > 0 ? range.to : last.to;
      const damage = Math.max(last.damage, range.damage);
      result[result.length - 1] = { from: last.from, to, damage };
    } else result.push(range);
  }
  return result;
}
