import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The files of a store at one moment, by name. */
export type Image = ReadonlyMap<string, Buffer>;

/** Reads a store's files while it is being written to. */
export async function takeImage(directory: string): Promise<Image> {
  for (;;) {
    const before = await dataFiles(directory);
    const image = new Map<string, Buffer>();
    for (const name of before) image.set(name, await readFile(join(directory, name)));
    // Only a listing that stays is of one moment: files come and go, and otherwise only grow.
    if (before.join() === (await dataFiles(directory)).join()) return image;
  }
}

/** Makes a folder that holds an image, with one of its files replaced. */
export async function writeImage(
  directory: string,
  image: Image,
  [changed, content]: readonly [string, Buffer],
): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  for (const [name, data] of image) {
    await writeFile(join(directory, name), name === changed ? content : data);
  }
}

/** The file that a store was writing to: LevelDB's log with the highest number. */
export function newestFile(image: Image): string {
  const name = [...image.keys()]
    .filter((one) => one.endsWith('.log'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error('The store has no log');
  return name;
}

const blockBytes = 32_768;
const headerBytes = 7;
const fullOrLast: readonly number[] = [1, 4];
const fullOrFirst: readonly number[] = [1, 2];

/**
 * Finds the last whole record of a LevelDB log: blocks of 32 KiB, in them fragments behind headers
 * of CRC (4 bytes), length (2) and type (full, first, middle, last).
 */
export function lastRecord(log: Buffer): { readonly start: number; readonly end: number } {
  let start = 0;
  let last = { start: 0, end: 0 };
  for (let at = 0; at + headerBytes <= log.length; ) {
    const left = blockBytes - (at % blockBytes);
    if (left < headerBytes) {
      at += left;
      continue;
    }
    const end = at + headerBytes + log.readUInt16LE(at + 4);
    const type = log.readUInt8(at + 6);
    if (type === 0 || end > log.length) break;
    if (fullOrFirst.includes(type)) start = at;
    if (fullOrLast.includes(type)) last = { start, end };
    at = end;
  }
  return last;
}

async function dataFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory);
  return names.filter((name) => /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb))$/.test(name)).sort();
}
