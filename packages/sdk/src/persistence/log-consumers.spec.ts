import { beforeEach, describe, expect, it } from 'vitest';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import type { WriteAheadLogOptions } from './log-options.js';
import { storePath } from './store-path.js';
import { WriteAheadLog } from './write-ahead-log.js';

let store: FaultyBackingStore;
let clock: ManualClock;
let options: WriteAheadLogOptions;
let log: WriteAheadLog;

async function append(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await log.append(Buffer.from(`e${index}`));
}

const at = (sequence: number) => ({ epoch: log.epoch, sequence });

beforeEach(async () => {
  store = new FaultyBackingStore(new MemoryBackingStore());
  clock = new ManualClock();
  options = {
    store,
    clock,
    path: storePath('test', 'wal'),
    offsetsPath: storePath('test', 'offsets'),
  };
  log = await WriteAheadLog.open(options);
});

describe('consumers of a WriteAheadLog', () => {
  it('start before everything held, or behind it', async () => {
    await append(3);
    expect(await log.registerConsumer('all')).toEqual({
      id: 'all',
      position: at(0),
      lagEntries: 3,
      lagMs: 0,
      lagBytes: log.heldBytes,
      isTruncated: false,
    });
    const fresh = await log.registerConsumer('fresh', { from: 'head' });
    expect(fresh).toMatchObject({ position: at(3), lagEntries: 0, lagBytes: 0 });
    expect(log.consumers().map(({ id }) => id)).toEqual(['all', 'fresh']);
    expect(log.consumer('nobody')).toBeUndefined();
  });

  it('keep their offset when registered again, and over a restart', async () => {
    await append(5);
    await log.registerConsumer('eu/node 1');
    await log.acknowledge('eu/node 1', at(3));
    expect((await log.registerConsumer('eu/node 1', { from: 'head' })).position).toEqual(at(3));
    await log.close();
    log = await WriteAheadLog.open(options);
    expect(log.consumers()).toMatchObject([{ id: 'eu/node 1', position: at(3), lagEntries: 2 }]);
  });

  it('lag by the bytes of what they have yet to confirm', async () => {
    await log.registerConsumer('c');
    const heldBytes: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      await append(1);
      heldBytes.push(log.heldBytes);
    }
    const [first = 0, second = 0, third = 0] = heldBytes;
    expect(log.consumer('c')?.lagBytes).toBe(third);
    await log.registerConsumer('holds the tail');
    await log.acknowledge('c', at(1));
    expect(log.consumer('c')?.lagBytes).toBe(third - first);
    await log.acknowledge('c', at(2));
    expect(log.consumer('c')?.lagBytes).toBe(third - second);
    await log.acknowledge('c', at(3));
    expect(log.consumer('c')?.lagBytes).toBe(0);
  });

  it('have offsets at paths of their own, however they are named', async () => {
    for (const id of ['eu/node1', 'us/node1', '..', '', 'ü']) await log.registerConsumer(id);
    const paths: string[] = [];
    for await (const path of store.list('dw://test/offsets/')) paths.push(path);
    expect(paths).toEqual([
      'dw://test/offsets/%',
      'dw://test/offsets/%2E.',
      'dw://test/offsets/%C3%BC',
      'dw://test/offsets/eu%2Fnode1',
      'dw://test/offsets/us%2Fnode1',
    ]);
  });

  it('move forward only', async () => {
    await append(5);
    await log.registerConsumer('c');
    await log.acknowledge('c', at(4));
    await log.acknowledge('c', at(2));
    expect(log.consumer('c')?.position).toEqual(at(4));
    await Promise.all([log.acknowledge('c', at(5)), log.acknowledge('c', at(3))]);
    expect(log.consumer('c')?.position).toEqual(at(5));
  });

  it('cannot confirm what is not there, in another epoch, or under a mistyped id', async () => {
    await append(2);
    await log.registerConsumer('c');
    for (const sequence of [3, -1, 0.5]) {
      await expect(log.acknowledge('c', at(sequence))).rejects.toMatchObject({
        code: 'DW_LOG_INVALID_OFFSET',
      });
    }
    const epoch = '00000000-0000-4000-8000-000000000000';
    await expect(log.acknowledge('c', { epoch, sequence: 1 })).rejects.toMatchObject({
      code: 'DW_LOG_EPOCH',
    });
    await expect(log.acknowledge('C', at(1))).rejects.toMatchObject({
      code: 'DW_LOG_UNKNOWN_CONSUMER',
    });
    expect(log.consumers()).toHaveLength(1);
  });

  it('have not confirmed what could not be stored', async () => {
    await append(2);
    await log.registerConsumer('c');
    store.failWrites(new Error('disk gone'));
    await expect(log.acknowledge('c', at(2))).rejects.toThrow('disk gone');
    expect(log.consumer('c')?.position).toEqual(at(0));
    expect(await log.trim()).toBe(0);
    await log.acknowledge('c', at(2));
    expect(log.consumer('c')?.position).toEqual(at(2));
  });

  it('are not registered where that could not be stored', async () => {
    store.failWrites(new Error('disk gone'));
    await expect(log.registerConsumer('c')).rejects.toThrow('disk gone');
    expect(log.consumers()).toEqual([]);
  });

  it('tell how far and how long they lag behind', async () => {
    await log.registerConsumer('c');
    await append(1);
    clock.advance(1_000);
    await append(1);
    clock.advance(500);
    expect(log.consumer('c')).toMatchObject({ lagEntries: 2, lagMs: 1_500 });
    await log.acknowledge('c', at(1));
    expect(log.consumer('c')).toMatchObject({ lagEntries: 1, lagMs: 500 });
    await log.acknowledge('c', at(2));
    expect(log.consumer('c')).toMatchObject({ lagEntries: 0, lagMs: 0 });
  });

  it('are forgotten with their offsets', async () => {
    await log.registerConsumer('c');
    expect(await log.removeConsumer('c')).toBe(true);
    expect(await log.removeConsumer('c')).toBe(false);
    await log.close();
    log = await WriteAheadLog.open(options);
    expect(log.consumers()).toEqual([]);
  });

  it('whose stored offset is damaged have to resynchronise', async () => {
    await append(3);
    await log.registerConsumer('c');
    await log.acknowledge('c', at(2));
    await log.close();
    const path = storePath('test', 'offsets', 'c');
    const data = (await store.read(path)) ?? new Uint8Array();
    data[10] = (data[10] ?? 0) ^ 1;
    await store.write(path, data);
    log = await WriteAheadLog.open(options);
    expect(log.consumer('c')).toMatchObject({ isTruncated: true });
    await log.acknowledge('c', at(3));
    expect(log.consumer('c')).toMatchObject({ isTruncated: false, lagEntries: 0 });
  });

  it('bound the entries that wait for them', async () => {
    log.reconfigure({ maxHeldEntries: 3 });
    await append(10);
    await log.registerConsumer('c', { from: 'head' });
    await append(3);
    await expect(append(1)).rejects.toMatchObject({ code: 'DW_LOG_FULL', retryable: true });
    await log.acknowledge('c', at(11));
    await append(1);
    await expect(append(1)).rejects.toMatchObject({ code: 'DW_LOG_FULL' });
    await log.removeConsumer('c');
    await append(10);
  });

  it('bound the entries of appends that are called at once', async () => {
    log.reconfigure({ maxHeldEntries: 5 });
    await log.registerConsumer('c');
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => log.append(Buffer.from('e'))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  });
});
