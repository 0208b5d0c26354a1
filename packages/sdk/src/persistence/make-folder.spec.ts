import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dw-folder-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('makeFolder', () => {
  it('makes the folders above as well, for their own user alone', async () => {
    const path = join(root, 'a', 'b', 'c');
    await makeFolder(path);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    await makeFolder(path);
  });

  it('refuses a path through a file, and a file', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolder(join(file, 'x'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('makes a folder once for many who ask at once', async () => {
    const path = join(root, 'x', 'y');
    await Promise.all(Array.from({ length: 20 }, () => makeFolder(path)));
    expect(existsSync(path)).toBe(true);
  });

  it.skipIf(!existsSync('/proc/self'))('ends where the file system makes nothing', async () => {
    await expect(makeFolder('/proc/none/x')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
