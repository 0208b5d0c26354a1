import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSourceFolder, type SourceFolder } from './source-files.js';
import { writeTarball } from './tarball.js';

const { signal } = new AbortController();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dw-quickstart-spec-'));
  await mkdir(join(folder, 'in', 'deep'), { recursive: true });
  await writeFile(join(folder, 'in', 'empty'), '');
  await writeFile(join(folder, 'in', 'deep', 'ü 1.txt'), 'x'.repeat(300_000));
});
afterEach(() => rm(folder, { recursive: true }));

function source(): Promise<SourceFolder> {
  return readSourceFolder(join(folder, 'in'), { signal });
}

describe('writeTarball', () => {
  it('packs every file, and knows the size and the digest of the result', async () => {
    const tarball = await writeTarball(await source(), join(folder, 'x.tar'), { signal });
    const bytes = await readFile(tarball.path);
    expect(bytes.byteLength).toBe(tarball.sizeBytes);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(tarball.sha256);
    const found = new Map<string, number>();
    for await (const entry of createReadStream(tarball.path).pipe(extract())) {
      let sizeBytes = 0;
      for await (const chunk of entry as AsyncIterable<Buffer>) sizeBytes += chunk.byteLength;
      found.set(entry.header.name, sizeBytes);
    }
    expect(Object.fromEntries(found)).toEqual({ 'deep/ü 1.txt': 300_000, empty: 0 });
  });

  it('gives the same bytes for the same files', async () => {
    const one = await writeTarball(await source(), join(folder, '1.tar'), { signal });
    const two = await writeTarball(await source(), join(folder, '2.tar'), { signal });
    expect(two.sha256).toBe(one.sha256);
  });

  it('fails where a file has changed since it was listed', async () => {
    const listed = await source();
    await writeFile(join(folder, 'in', 'empty'), 'no longer');
    await expect(writeTarball(listed, join(folder, 'x.tar'), { signal })).rejects.toThrow();
  });

  it('stops when aborted', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    const listed = await source();
    await expect(
      writeTarball(listed, join(folder, 'x.tar'), { signal: aborted }),
    ).rejects.toThrow();
  });
});
