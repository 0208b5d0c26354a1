import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory, readEnrolledServer } from './agent-directory.js';

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
});

describe('readEnrolledServer', () => {
  it('refuses a damaged file, and never takes it for none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dw-server-'));
    const path = join(folder, 'server.json');
    expect(await readEnrolledServer(path)).toBeUndefined();
    await writeFile(path, '{"serverId":"x"}');
    await expect(readEnrolledServer(path)).rejects.toMatchObject({ code: 'DW_AEDS_TRUST_INVALID' });
    await rm(folder, { recursive: true });
  });
});
