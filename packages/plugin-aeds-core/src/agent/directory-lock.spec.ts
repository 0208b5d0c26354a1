import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from './directory-lock.js';

describe('lockDirectory', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const inUse = { code: 'DW_AEDS_DIRECTORY_IN_USE' };

  it('keeps others away until it is given back', async () => {
    const lock = await lockDirectory(folder);
    await expect(lockDirectory(folder)).rejects.toMatchObject(inUse);
    await lock[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual([]);
    await (await lockDirectory(folder))[Symbol.asyncDispose]();
  });

  it('respects a process that runs, and takes over from one that is gone', async () => {
    const file = join(folder, 'agent.lock');
    // The parent of the test process runs for as long as the test does.
    await writeFile(file, String(process.ppid));
    await expect(lockDirectory(folder)).rejects.toMatchObject(inUse);
    for (const pid of ['999999999', '', 'x', '0', '-1']) {
      await writeFile(file, pid);
      await (await lockDirectory(folder))[Symbol.asyncDispose]();
    }
  });

  it('lets one of many in that come at once, over the lock of one that is gone', async () => {
    await writeFile(join(folder, 'agent.lock'), '999999999');
    const comers = Array.from({ length: 20 }, () => lockDirectory(folder));
    const settled = await Promise.allSettled(comers);
    const locks = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(locks).toHaveLength(1);
    await locks[0]?.[Symbol.asyncDispose]();
    expect(await readdir(folder)).toEqual([]);
  });

  it('says in the lock who holds it, from the first moment on', async () => {
    const seen = new Set<string>();
    const file = join(folder, 'agent.lock');
    const look = (): void => {
      try {
        seen.add(readFileSync(file, 'utf8'));
      } catch (error) {
        // Between two holders there is no lock.
        expect(error).toMatchObject({ code: 'ENOENT' });
      }
    };
    const watch = setInterval(look);
    for (let round = 0; round < 20; round += 1) {
      const lock = await lockDirectory(folder);
      look();
      await lock[Symbol.asyncDispose]();
    }
    clearInterval(watch);
    expect(seen.size).toBeGreaterThan(0);
    for (const text of seen) expect(text).toMatch(new RegExp(`^${process.pid}( |$)`));
  });

  it.runIf(existsSync('/proc/self'))('refuses a directory that cannot be made', async () => {
    await expect(lockDirectory('/proc/none/agent')).rejects.toMatchObject({
      code: 'DW_AEDS_FILE_IO',
    });
  });

  it.runIf(process.platform === 'linux')(
    'takes over where another program has the number of the one that is gone',
    async () => {
      const file = join(folder, 'agent.lock');
      await writeFile(file, `${process.ppid} 00000000-0000-0000-0000-000000000000 1`);
      await (await lockDirectory(folder))[Symbol.asyncDispose]();
    },
  );
});
