import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentMediumConformance } from '../testing/content-medium-conformance.js';
import type { ContentLocation } from './content-medium.js';
import { ContentPacks } from './content-packs.js';

let directory: string;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'dw-packs-')), 'packs');
});

afterEach(async () => {
  await rm(join(directory, '..'), { recursive: true, force: true });
});

const chunkOf = (sizeBytes: number, fill = 1) => ({
  digest: '0'.repeat(64),
  data: new Uint8Array(sizeBytes).fill(fill),
});

describe('ContentPacks', () => {
  const open = () => ContentPacks.open({ directory, maxPackBytes: 200_000 });
  contentMediumConformance({ test: it, open, reopen: open });

  it('begins another file when one is full, and after each start', async () => {
    await using packs = await open();
    for (let count = 0; count < 5; count += 1) await packs.append([chunkOf(100_000)]);
    expect(await packs.segments()).toHaveLength(3);
    await packs.close();
    await using reopened = await open();
    await reopened.append([chunkOf(1)]);
    expect(await reopened.segments()).toHaveLength(4);
    expect((await readdir(directory)).every((name) => name.endsWith('.pack'))).toBe(true);
  });

  it('reads from more files than it keeps open, also while they are removed', async () => {
    await using packs = await ContentPacks.open({ directory, maxPackBytes: 1 });
    const locations: ContentLocation[] = [];
    for (let fill = 0; fill < 100; fill += 1) {
      locations.push(...(await packs.append([chunkOf(1_000, fill)])));
    }
    await packs.sync(locations.map(({ segment }) => segment));
    const read = async (location: ContentLocation, fill: number): Promise<boolean> =>
      (await packs.read(location))?.every((byte) => byte === fill) ?? false;
    for (let round = 0; round < 3; round += 1) {
      expect(await Promise.all(locations.map(read))).not.toContain(false);
    }
    const reading = Promise.all(locations.map((location) => packs.read(location)));
    await Promise.all(locations.slice(0, 50).map(({ segment }) => packs.remove(segment)));
    for (const [fill, data] of (await reading).entries()) {
      if (data !== undefined) expect(data.every((byte) => byte === fill)).toBe(true);
      else expect(fill).toBeLessThan(50);
    }
  });

  it('tells a folder that cannot be one', async () => {
    await writeFile(directory, 'a file');
    await expect(open()).rejects.toMatchObject({ code: 'DW_STORE_IO' });
  });
});
