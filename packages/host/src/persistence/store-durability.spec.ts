import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const storeModule = fileURLToPath(new URL('classic-level-backing-store.ts', import.meta.url));
const count = 20;

/** Writes at each durability, one by one and all at once, and marks where each begins and ends. */
const writes = `
import { createJiti } from 'jiti';
import { readlinkSync } from 'node:fs';
const [module, directory] = process.argv.slice(-2);
const { ClassicLevelBackingStore } = await createJiti(module, { fsCache: false }).import(module);
const store = await ClassicLevelBackingStore.open({ directory });
// strace sees the failed call, with its argument.
const mark = (name) => { try { readlinkSync('/mark/' + name); } catch (error) { if (error.code !== 'ENOENT') throw error; } };
const write = (index, durability) => store.write('dw://durable/' + index, new Uint8Array(200), durability && { durability });
for (const durability of ['memory', 'os', 'disk', undefined]) {
  mark(durability + '-sequential');
  for (let index = 0; index < ${count}; index += 1) await write(index, durability);
  mark(durability + '-concurrent');
  await Promise.all(Array.from({ length: ${count} }, (_, index) => write(index, durability)));
}
mark('mixed');
await Promise.all(Array.from({ length: ${count} }, (_, index) => write(index, index === 7 ? 'disk' : 'os')));
mark('end');
await store.close();
`;

function hasStrace(): boolean {
  try {
    // Also fails where tracing is not allowed.
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

const isTraceable = hasStrace();
const skipped = isTraceable ? '' : ' (SKIPPED: no strace here, so nothing proves it)';
if (!isTraceable) console.warn(`store-durability.spec.ts${skipped}`);

describe('the durability of a write', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-sync-'));
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  /** Synchronisations with the disk from each mark to the next. */
  async function countSyncs(): Promise<Readonly<Record<string, number>>> {
    const trace = join(root, 'trace');
    const calls = 'trace=fdatasync,fsync,readlink,readlinkat';
    const node = ['--input-type=module', '-e', writes, storeModule, join(root, 'store')];
    const child = spawn('strace', ['-f', '-e', calls, '-o', trace, process.execPath, ...node], {
      stdio: ['ignore', 'inherit', 'inherit'],
      cwd: import.meta.dirname,
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
    const syncs: Record<string, number> = {};
    let phase = 'start';
    for (const line of (await readFile(trace, 'utf8')).split('\n')) {
      phase = /"\/mark\/([a-z-]+)"/.exec(line)?.[1] ?? phase;
      syncs[phase] ??= 0;
      // A call that was interrupted is resumed on a line of its own, without an argument.
      if (/\b(?:fdatasync|fsync)\(/.test(line)) syncs[phase] = (syncs[phase] ?? 0) + 1;
    }
    return syncs;
  }

  it.skipIf(!isTraceable)(
    `is one sync a write on disk, one for all that wait, and none below${skipped}`,
    async () => {
      const { start, end, ...syncs } = await countSyncs();
      expect(start).toBeGreaterThan(0);
      expect(end).toBeDefined();
      expect(syncs).toEqual({
        'memory-sequential': 0,
        'memory-concurrent': 0,
        'os-sequential': 0,
        'os-concurrent': 0,
        'disk-sequential': count,
        'disk-concurrent': 1,
        // Disk is what a write has that asks for nothing.
        'undefined-sequential': count,
        'undefined-concurrent': 1,
        mixed: 1,
      });
    },
    60_000,
  );
});
