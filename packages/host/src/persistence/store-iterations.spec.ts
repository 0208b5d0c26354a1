import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sequenceSegment, storePath, storePrefix } from '@datawarehouse/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassicLevelBackingStore } from './classic-level-backing-store.js';

const paths = Array.from({ length: 3_000 }, (_, index) => storePath('n', sequenceSegment(index)));

describe('iterations and batches of ClassicLevelBackingStore', () => {
  let root: string;
  let store: ClassicLevelBackingStore;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-iterate-'));
    store = await ClassicLevelBackingStore.open({ directory: join(root, 'store') });
  });

  afterEach(async () => {
    await store.close();
    await rm(root, { recursive: true, force: true });
  });

  const writeAll = (byte: number) =>
    store.batch(paths.map((path) => ({ type: 'write', path, data: Uint8Array.of(byte) })));

  it('scan the store as it was at their first step', async () => {
    await writeAll(1);
    const seen: string[] = [];
    for await (const { path, data } of store.scan(storePrefix('n'))) {
      if (seen.length === 0) {
        await writeAll(2);
        await store.write(storePath('n', 'zzz'), Uint8Array.of(2));
        await store.batch(paths.slice(100).map((each) => ({ type: 'delete', path: each })));
      }
      seen.push(path);
      expect(data).toEqual(Uint8Array.of(1));
    }
    expect(seen).toEqual(paths);
    expect(await store.read(paths[0] ?? '')).toEqual(Uint8Array.of(2));
  });

  it('list the store as it was at their first step', async () => {
    await writeAll(1);
    const iterator = store.list(storePrefix('n'))[Symbol.asyncIterator]();
    const seen = [await iterator.next()];
    await store.batch(paths.map((path) => ({ type: 'delete', path })));
    for (let step = seen[0]; step?.done !== true; ) {
      step = await iterator.next();
      seen.push(step);
    }
    expect(seen.flatMap(({ value }) => (value === undefined ? [] : [String(value)]))).toEqual(
      paths,
    );
  });

  it('never see half of a batch', async () => {
    const stop = new AbortController();
    const writing = (async () => {
      for (let round = 1; !stop.signal.aborted; round += 1) await writeAll(round % 251);
    })();
    for (let round = 0; round < 5; round += 1) {
      const values = new Set<number | undefined>();
      for await (const { data } of store.scan(storePrefix('n'))) values.add(data[0]);
      expect(values.size).toBeLessThanOrEqual(1);
    }
    stop.abort();
    await writing;
  });

  it('end with DW_STORE_CLOSED when the store closes in the middle of them', async () => {
    await writeAll(1);
    const iterations = Array.from({ length: 20 }, async (_, index) => {
      let count = 0;
      const source = index % 2 === 0 ? store.list(storePrefix('n')) : store.scan(storePrefix('n'));
      for await (const each of source) count += each ? 1 : 0;
      return count;
    });
    const settled = Promise.allSettled(iterations);
    await new Promise(setImmediate);
    await store.close();
    for (const result of await settled) {
      if (result.status === 'fulfilled') expect(result.value).toBe(paths.length);
      else expect(result.reason).toMatchObject({ code: 'DW_STORE_CLOSED' });
    }
  });

  it('take a batch of 100 000 operations, and one of 64 MiB, whole', async () => {
    const many = Array.from({ length: 100_000 }, (_, index) => storePath('m', String(index)));
    await store.batch(many.map((path) => ({ type: 'write', path, data: Uint8Array.of(1) })));
    const large = Array.from({ length: 64 }, (_, index) => storePath('l', String(index)));
    const data = new Uint8Array(1024 * 1024).fill(7);
    await store.batch(large.map((path) => ({ type: 'write', path, data })));
    expect(store.statistics().commitCount).toBe(2);
    await store.close();
    store = await ClassicLevelBackingStore.open({ directory: join(root, 'store') });
    expect(store.recovery.findings).toEqual([]);
    let count = 0;
    for await (const path of store.list(storePrefix('m'))) count += path ? 1 : 0;
    expect(count).toBe(many.length);
    for (const path of large) {
      expect(Buffer.from(data).equals((await store.read(path)) ?? data.subarray(1))).toBe(true);
    }
  }, 30_000);
});
