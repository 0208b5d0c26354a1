import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassicLevelBackingStore } from './classic-level-backing-store.js';

const storeModule = fileURLToPath(new URL('classic-level-backing-store.ts', import.meta.url));

const holds = `
import { createJiti } from 'jiti';
const [module, directory] = process.argv.slice(-2);
const { ClassicLevelBackingStore } = await createJiti(module, { fsCache: false }).import(module);
const store = await ClassicLevelBackingStore.open({ directory });
await store.write('dw://held', new Uint8Array(3));
process.stdout.write('open');
setInterval(() => undefined, 1000);
`;

describe('StoreLock', () => {
  let root: string;
  let directory: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-lock-'));
    directory = join(root, 'store');
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  const open = () => ClassicLevelBackingStore.open({ directory });

  it('names the other process that holds the folder, until it dies', async () => {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', holds, storeModule, directory],
      { stdio: ['ignore', 'pipe', 'inherit'], cwd: import.meta.dirname },
    );
    const exited = once(child, 'exit');
    try {
      await once(child.stdout, 'data');
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await expect(open()).rejects.toMatchObject({
          code: 'DW_STORE_LOCKED',
          hint: expect.stringContaining(String(child.pid)),
          details: { directory, holderPid: child.pid },
        });
      }
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
    expect(await readFile(`${directory}.pid`, 'utf8')).toMatch(new RegExp(`^${child.pid} `));
    await using store = await open();
    expect(store.recovery.findings).toEqual([]);
    expect(await store.read('dw://held')).toEqual(new Uint8Array(3));
  }, 30_000);

  it.each([
    ['a dead process', '999999999 1\n'],
    ['a living process that started at another time', `${process.ppid} 1\n`],
    ['nobody', 'nonsense\n'],
  ])('opens although the file names %s', async (_, text) => {
    await writeFile(`${directory}.pid`, text);
    await using store = await open();
    await store.write('dw://a', new Uint8Array(1));
    expect(await readFile(`${directory}.pid`, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  it('accuses nobody where the file does not name the holder', async () => {
    await using store = await open();
    await writeFile(`${directory}.pid`, `${process.ppid} 1\n`);
    const failure: unknown = await open().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'DW_STORE_LOCKED', details: { directory } });
    expect(failure).not.toHaveProperty('details.holderPid');
    await store.write('dw://a', new Uint8Array(1));
  });

  it('lets one of many have the folder', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, open));
    const opened = results.filter((result) => result.status === 'fulfilled');
    expect(opened).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({ code: 'DW_STORE_LOCKED' });
      } else await result.value.close();
    }
  });

  it('makes a damaged lock anew', async () => {
    await (await open()).close();
    await writeFile(join(directory, 'guard', 'CURRENT'), 'MANIFEST-99\n');
    await using store = await open();
    await expect(open()).rejects.toMatchObject({ code: 'DW_STORE_LOCKED' });
    await store.write('dw://a', new Uint8Array(1));
  });
});
