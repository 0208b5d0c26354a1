import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { storePath } from '@datawarehouse/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassicLevelBackingStore } from './classic-level-backing-store.js';

const storeModule = fileURLToPath(new URL('classic-level-backing-store.ts', import.meta.url));

/** What every child begins with: an open store, and a write that reports itself. */
const prologue = `
import { execFileSync } from 'node:child_process';
import { createJiti } from 'jiti';
const [module, directory] = process.argv.slice(-2);
const { ClassicLevelBackingStore } = await createJiti(module, { fsCache: false }).import(module);
const store = await ClassicLevelBackingStore.open({ directory });
const write = async (index, size = 8) => {
  const durability = index % 2 ? 'os' : 'disk';
  const data = new Uint8Array(size).fill(index % 251);
  await store.write('dw://crash/' + index, data, { durability });
  process.stdout.write(index + '\\n');
};
`;

const writesForEver = `${prologue}
let next = 0;
const work = async () => { for (;;) await write(next++); };
for (let worker = 0; worker < 32; worker += 1) work();
`;

/** Lowers its own limit of file sizes, so that a write fails in the middle of a record. */
const tearsItsLog = `${prologue}
const limit = (size) => execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=' + size]);
for (let index = 0; index < 10; index += 1) await write(index);
limit('20000:');
const error = await write(10, 100000).catch((thrown) => thrown);
if (error?.code !== 'DW_STORE_IO') throw new Error('not torn: ' + error);
limit('unlimited:');
if (!(await store.exists('dw://crash/9'))) throw new Error('cannot read');
for (let index = 11; index < 20; index += 1) await write(index);
process.kill(process.pid, 'SIGKILL');
`;

const prlimit = 'prlimit';

function hasPrlimit(): boolean {
  try {
    execFileSync(prlimit, ['--version']);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

describe('a store whose process is killed', () => {
  let root: string;
  let directory: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-crash-'));
    directory = join(root, 'store');
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  /** Runs a child until it has acknowledged `killAfter` writes or dies, and returns what it acknowledged. */
  async function acknowledged(source: string, killAfter: number): Promise<readonly number[]> {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', source, storeModule, directory],
      { stdio: ['ignore', 'pipe', 'inherit'], cwd: import.meta.dirname },
    );
    const exited = once(child, 'exit');
    const numbers: number[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      numbers.push(Number(line));
      if (numbers.length === killAfter) child.kill('SIGKILL');
    }
    expect(await exited).toEqual([null, 'SIGKILL']);
    return numbers;
  }

  async function missing(numbers: readonly number[]): Promise<readonly number[]> {
    await using store = await ClassicLevelBackingStore.open({ directory });
    const lost: number[] = [];
    for (const index of numbers) {
      const data = await store.read(storePath('crash', String(index)));
      if (data?.[0] !== index % 251 || data.length !== 8) lost.push(index);
    }
    return lost;
  }

  it('has every acknowledged write', async () => {
    const numbers = await acknowledged(writesForEver, 2_000);
    expect(numbers.length).toBeGreaterThanOrEqual(2_000);
    expect(await missing(numbers)).toEqual([]);
  });

  it.skipIf(!hasPrlimit())('has what was acknowledged after a failed write', async () => {
    const numbers = await acknowledged(tearsItsLog, Number.POSITIVE_INFINITY);
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(await missing(numbers)).toEqual([]);
  });
});
