import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sequenceSegment, storePath, storePrefix } from '@datawarehouse/sdk';
import { backingStoreConformance } from '@datawarehouse/sdk/testing';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassicLevelBackingStore } from './classic-level-backing-store.js';

const path = storePath('test', 'a');
const bytes = Uint8Array.of(1, 2, 3);

describe('ClassicLevelBackingStore', () => {
  let root: string;
  let directory: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-store-'));
    directory = join(root, 'store');
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  backingStoreConformance({
    test: it,
    open: () => ClassicLevelBackingStore.open({ directory }),
    reopen: () => ClassicLevelBackingStore.open({ directory }),
    damage: async (store, damaged) => {
      await store.close();
      const level = new ClassicLevel<string, Buffer>(directory, { valueEncoding: 'buffer' });
      const value = (await level.get(damaged)) ?? Buffer.alloc(0);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      await level.put(damaged, value);
      await level.close();
      return ClassicLevelBackingStore.open({ directory });
    },
  });

  it('stays closed where it cannot say who holds it', async () => {
    await mkdir(`${directory}.pid`);
    await expect(ClassicLevelBackingStore.open({ directory })).rejects.toMatchObject({
      code: 'DW_STORE_IO',
    });
    await rm(`${directory}.pid`, { recursive: true });
    await using store = await ClassicLevelBackingStore.open({ directory });
    await store.write(path, bytes);
  });

  it('puts all calls of one turn into one commit, and syncs only when one asks for it', async () => {
    await using store = await ClassicLevelBackingStore.open({ directory });
    const write = (index: number, durability: 'disk' | 'os') =>
      store.write(storePath('test', String(index)), bytes, { durability });
    await Promise.all(Array.from({ length: 100 }, (_, index) => write(index, 'os')));
    expect(store.statistics()).toEqual({ callCount: 100, commitCount: 1, syncCount: 0 });
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => write(index, index === 50 ? 'disk' : 'os')),
    );
    expect(store.statistics()).toEqual({ callCount: 200, commitCount: 2, syncCount: 1 });
  });

  it('begins a new commit behind 8 MiB', async () => {
    await using store = await ClassicLevelBackingStore.open({ directory });
    const large = new Uint8Array(1024 * 1024);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.write(storePath('l', String(index)), large)),
    );
    expect(store.statistics().commitCount).toBe(3);
  });

  it('withdraws an aborted call that waits, and leaves the others alone', async () => {
    await using store = await ClassicLevelBackingStore.open({ directory });
    const aborter = new AbortController();
    const kept = store.write(storePath('test', 'kept'), bytes);
    const aborted = store.write(path, bytes, { signal: aborter.signal });
    aborter.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await kept;
    expect(await store.exists(path)).toBe(false);
    expect(await store.exists(storePath('test', 'kept'))).toBe(true);
  });

  it('refuses a damaged value, and names it', async () => {
    {
      await using store = await ClassicLevelBackingStore.open({ directory });
      await store.write(path, bytes);
      await store.write(storePath('test', 'b'), bytes);
    }
    const level = new ClassicLevel<string, Buffer>(directory, { valueEncoding: 'buffer' });
    const value = (await level.get(path)) ?? Buffer.alloc(0);
    value[5] = 99;
    await level.put(path, value);
    await level.put(storePath('test', 'moved'), (await level.get(storePath('test', 'b'))) ?? value);
    await level.put(storePath('test', 'short'), Buffer.of(1));
    await level.close();
    await using store = await ClassicLevelBackingStore.open({ directory });
    for (const damaged of [path, storePath('test', 'moved'), storePath('test', 'short')]) {
      await expect(store.read(damaged)).rejects.toMatchObject({
        code: 'DW_STORE_CORRUPT',
        details: { path: damaged },
      });
    }
    expect(await store.read(storePath('test', 'b'))).toEqual(bytes);
    const scan = store.scan(storePrefix('test'))[Symbol.asyncIterator]();
    await expect(scan.next()).rejects.toMatchObject({ code: 'DW_STORE_CORRUPT' });
  });

  it('names the process that holds the lock', async () => {
    await using store = await ClassicLevelBackingStore.open({ directory });
    await store.write(path, bytes);
    await expect(ClassicLevelBackingStore.open({ directory })).rejects.toMatchObject({
      code: 'DW_STORE_LOCKED',
      message: expect.stringContaining('this process'),
      details: { holderPid: process.pid },
    });
  });

  it('opens although a dead process left its pid', async () => {
    await writeFile(`${directory}.pid`, '999999999\n');
    {
      await using store = await ClassicLevelBackingStore.open({ directory });
      expect(await readFile(`${directory}.pid`, 'utf8')).toMatch(
        new RegExp(`^${process.pid} [0-9-]+\n$`),
      );
      await store.write(path, bytes);
    }
    await expect(readFile(`${directory}.pid`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says DW_STORE_IO where the folder cannot be', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(
      ClassicLevelBackingStore.open({ directory: join(root, 'file', 'store') }),
    ).rejects.toMatchObject({ code: 'DW_STORE_IO' });
  });

  it('closes a listing that was left early or is still open', async () => {
    const store = await ClassicLevelBackingStore.open({ directory });
    const paths = Array.from({ length: 100 }, (_, index) =>
      storePath('test', sequenceSegment(index)),
    );
    await store.batch(paths.map((each) => ({ type: 'write', path: each, data: bytes })));
    for await (const each of store.list(storePrefix('test'))) {
      expect(each).toBe(paths[0]);
      break;
    }
    const open = store.list(storePrefix('test'))[Symbol.asyncIterator]();
    await open.next();
    const write = store.write(path, bytes);
    await store.close();
    await write;
    await expect(open.next()).rejects.toMatchObject({ code: 'DW_STORE_CLOSED' });
    await expect(store.read(path)).rejects.toMatchObject({ code: 'DW_STORE_CLOSED' });
    await expect(store.write(path, bytes)).rejects.toMatchObject({ code: 'DW_STORE_CLOSED' });
    await store.close();
  });

  it('lists more than a page in either direction, from any place', async () => {
    await using store = await ClassicLevelBackingStore.open({ directory });
    const paths = Array.from({ length: 5_000 }, (_, index) =>
      storePath('test', sequenceSegment(index)),
    );
    await store.batch(paths.map((each) => ({ type: 'write', path: each, data: bytes })));
    await store.write(storePath('testing'), bytes);
    const list = async (options: Parameters<typeof store.list>[1]) => {
      const found: string[] = [];
      for await (const each of store.list(storePrefix('test'), options)) found.push(each);
      return found;
    };
    expect(await list({})).toEqual(paths);
    expect(await list({ reverse: true })).toEqual([...paths].reverse());
    expect(await list({ after: storePath('test', sequenceSegment(4_990)) })).toEqual(
      paths.slice(4_991),
    );
    expect(
      await list({ after: storePath('test', sequenceSegment(10)), reverse: true, limit: 2 }),
    ).toEqual([paths[9], paths[8]]);
    expect(await list({ after: storePath('a'), limit: 1 })).toEqual([paths[0]]);
    expect(await list({ after: storePath('z') })).toEqual([]);
    expect(await list({ after: storePath('a'), reverse: true })).toEqual([]);
    expect(await list({ limit: 0 })).toEqual([]);
  });
});
