import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { storePath, storePrefix } from '@datawarehouse/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassicLevelBackingStore } from './classic-level-backing-store.js';

const storeModule = fileURLToPath(new URL('classic-level-backing-store.ts', import.meta.url));

/** Fills its file system, makes room, goes on, and dies. Tells what was acknowledged and when. */
const fills = `
import { createJiti } from 'jiti';
import { rmSync } from 'node:fs';
const [module, directory, ballast] = process.argv.slice(-3);
const { ClassicLevelBackingStore } = await createJiti(module, { fsCache: false }).import(module);
const store = await ClassicLevelBackingStore.open({ directory });
const { randomFillSync } = await import('node:crypto');
let next = 0;
const tell = (line) => process.stdout.write(line + '\\n');
const write = async (phase, size) => {
  const index = next++;
  const data = randomFillSync(Buffer.alloc(size));
  data.writeUInt32BE(index);
  const durability = index % 3 === 0 ? 'os' : 'disk';
  try {
    await store.write('dw://full/' + index, data, { durability });
    tell([phase, index, size].join(' '));
    return undefined;
  } catch (error) {
    tell([error.code, index, size].join(' '));
    return error;
  }
};
let error;
while (error === undefined) {
  const results = await Promise.all(Array.from({ length: 8 }, (_, at) => write('before', 1000 + at * 20000)));
  error = results.find((result) => result !== undefined);
}
// Small ones may still find room; whatever is acknowledged counts.
for (let round = 0; round < 20; round += 1) await write('during', 200);
if (!(await store.exists('dw://full/0'))) throw new Error('cannot read while the disk is full');
rmSync(ballast);
for (let round = 0; round < 20; round += 1) await write('after', 20000);
process.kill(process.pid, 'SIGKILL');
`;

/** Mounts a small file system where that is allowed. */
function mountSmall(directory: string, sizeMiB: number): boolean {
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', directory];
    execFileSync('mount', options, { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function unmount(directory: string): void {
  execFileSync('umount', ['-l', directory]);
}

describe('a store on a disk that is full', () => {
  let root: string;
  let isMounted: boolean;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-full-'));
    isMounted = mountSmall(root, 64);
  });

  afterEach(async () => {
    if (isMounted) unmount(root);
    await rm(root, { recursive: true, force: true });
  });

  it.for([64, 16])(
    'of %i MiB loses nothing acknowledged before, during and after',
    { timeout: 60_000 },
    async (sizeMiB, { skip }) => {
      if (isMounted) execFileSync('mount', ['-o', `remount,size=${sizeMiB}m`, root]);
      else {
        console.warn('store-full-disk.spec.ts: SKIPPED, a file system cannot be mounted here');
        skip();
      }
      const ballast = join(root, 'ballast');
      execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=1M', `count=${sizeMiB / 2}`], {
        stdio: 'ignore',
      });
      const directory = join(root, 'store');
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', fills, storeModule, directory, ballast],
        { stdio: ['ignore', 'pipe', 'inherit'], cwd: import.meta.dirname },
      );
      const exited = once(child, 'exit');
      const acknowledged = new Map<number, number>();
      const counts: Record<string, number> = {};
      for await (const line of createInterface({ input: child.stdout })) {
        const [what = '', index, size] = line.split(' ');
        counts[what] = (counts[what] ?? 0) + 1;
        if (!what.startsWith('DW_')) acknowledged.set(Number(index), Number(size));
      }
      expect(await exited).toEqual([null, 'SIGKILL']);
      expect(counts['before']).toBeGreaterThan(20);
      expect(counts['after']).toBe(20);
      expect(Object.keys(counts).filter((what) => what.startsWith('DW_'))).toEqual([
        'DW_STORE_FULL',
      ]);

      await using store = await ClassicLevelBackingStore.open({ directory });
      const lost: number[] = [];
      for (const [index, size] of acknowledged) {
        const data = await store.read(storePath('full', String(index)));
        if (data?.length !== size || Buffer.from(data).readUInt32BE(0) !== index) lost.push(index);
      }
      expect(lost).toEqual([]);
      for await (const { data } of store.scan(storePrefix('full'))) {
        expect(data.length).toBeGreaterThan(0);
      }
      await store.write(storePath('full', 'more'), Buffer.alloc(1));
    },
  );

  it('says so when there is no room to open, and opens when there is', async ({ skip }) => {
    if (!isMounted) skip();
    const directory = join(root, 'store');
    {
      await using store = await ClassicLevelBackingStore.open({ directory });
      await store.write(storePath('a'), Buffer.alloc(100_000));
    }
    const ballast = join(root, 'ballast');
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k'], { stdio: 'ignore' });
    } catch (error) {
      // It ends when there is no room.
      expect(error).toBeInstanceOf(Error);
    }
    await expect(ClassicLevelBackingStore.open({ directory })).rejects.toMatchObject({
      code: 'DW_STORE_FULL',
    });
    await rm(ballast);
    await using store = await ClassicLevelBackingStore.open({ directory });
    expect((await store.read(storePath('a')))?.length).toBe(100_000);
  });
});
