import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSourceFolder } from './source-files.js';

const { signal } = new AbortController();

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dw-quickstart-spec-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

describe('readSourceFolder', () => {
  it('puts declarations under the synchronous route, and names by folder', async () => {
    await write({ 'a.js': 'a', 'lib/deep/b.d.ts': 'bb', 'lib/c.json': '' });
    const { files, leftOutCount } = await readSourceFolder(folder, { signal });
    const top = basename(folder);
    expect(
      files.map(({ namespace, key, isSynchronous }) => [namespace, key, isSynchronous]),
    ).toEqual([
      [`docs/${top}`, 'a.js', false],
      [`docs/${top}/lib`, 'c.json', false],
      [`docs-sync/${top}/lib/deep`, 'b.d.ts', true],
    ]);
    expect(files[2]).toMatchObject({
      sizeBytes: 2,
      sha256: createHash('sha256').update('bb').digest('hex'),
    });
    expect(leftOutCount).toBe(0);
  });

  it('takes both routes for files of one kind', async () => {
    await write({ 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
    const { files } = await readSourceFolder(folder, { signal });
    expect(files.map((file) => file.isSynchronous)).toEqual([true, false, true]);
  });

  it('leaves symbolic links out, and counts them', async () => {
    await write({ 'a.txt': 'a', 'b.txt': 'b' });
    await symlink('/', join(folder, 'root'));
    const { files, leftOutCount } = await readSourceFolder(folder, { signal });
    expect(files).toHaveLength(2);
    expect(leftOutCount).toBe(1);
  });

  it.each([
    ['a folder that is not there', 'none', 'cannot be read'],
    ['a file', 'a.txt', 'is not a folder'],
    ['a folder with one file', '.', 'has 1 files'],
  ])('refuses %s', async (_, name, message) => {
    await write({ 'a.txt': 'a' });
    await expect(readSourceFolder(join(folder, name), { signal })).rejects.toMatchObject({
      code: 'DW_QUICKSTART_FOLDER',
      message: expect.stringContaining(message),
    });
  });

  it('stops when aborted', async () => {
    await write({ 'a.txt': 'a', 'b.txt': 'b' });
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(readSourceFolder(folder, { signal: aborted })).rejects.toThrow('enough');
  });
});
