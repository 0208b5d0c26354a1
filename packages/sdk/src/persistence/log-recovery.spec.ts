import { beforeEach, describe, expect, it } from 'vitest';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { MAX_FRAME_ENTRIES } from './log-frame.js';
import type { WriteAheadLogOptions } from './log-options.js';
import { sequenceSegment, storePath } from './store-path.js';
import { WriteAheadLog } from './write-ahead-log.js';

let store: MemoryBackingStore;
let options: WriteAheadLogOptions;
let log: WriteAheadLog;

const framePath = (first: number): string =>
  storePath('test', 'wal', 'frames', sequenceSegment(first));
const metaPath = storePath('test', 'wal', 'meta');

/** Each one a frame of its own. */
async function append(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await log.append(Buffer.from(`e${log.headSequence + 1}`));
  }
}

async function flipBit(path: string, at: number): Promise<void> {
  const data = await store.read(path);
  if (data === undefined) throw new Error(`Nothing at ${path}`);
  data[at] = (data[at] ?? 0) ^ 0x10;
  await store.write(path, data);
}

async function reopen(): Promise<void> {
  await log.close();
  log = await WriteAheadLog.open(options);
}

const sequences = async (from: number): Promise<number[]> =>
  (await log.read(from)).map(({ sequence }) => sequence);

beforeEach(async () => {
  store = new MemoryBackingStore();
  options = {
    store,
    clock: new ManualClock(),
    path: storePath('test', 'wal'),
    offsetsPath: storePath('test', 'offsets'),
  };
  log = await WriteAheadLog.open(options);
  await log.registerConsumer('reader');
});

describe('opening a WriteAheadLog', () => {
  it('restores head, tail, bytes and epoch before the first append', async () => {
    await append(20);
    await log.acknowledge('reader', { epoch: log.epoch, sequence: 5 });
    await log.trim();
    const { epoch, heldBytes } = log;
    await reopen();
    expect(log).toMatchObject({ epoch, heldBytes, headSequence: 20, tailSequence: 6 });
    await append(1);
    expect(await sequences(6)).toEqual(Array.from({ length: 16 }, (_, index) => index + 6));
  });

  it('tells whether the log is new, goes on, or had to start a new epoch', async () => {
    expect(log.recovery).toEqual({ outcome: 'created', foundSequence: 0, knownSequence: 0 });
    await append(4);
    const { epoch } = log;
    await reopen();
    const resumed = { previousEpoch: epoch, foundSequence: 4, knownSequence: 4 };
    expect(log.recovery).toEqual({ outcome: 'resumed', ...resumed });
    await log.registerConsumer('other');
    await log.acknowledge('reader', { epoch, sequence: 3 });
    await log.close();
    await store.delete(framePath(4));
    await store.delete(framePath(3));
    log = await WriteAheadLog.open(options);
    const wentBack = { outcome: 'newEpoch', reason: 'wentBack', previousEpoch: epoch };
    expect(log.recovery).toMatchObject({ ...wentBack, foundSequence: 2, knownSequence: 3 });
    expect(log.headSequence).toBe(3);
  });

  it('tells which part of the log was damaged or missing', async () => {
    await append(2);
    await flipBit(framePath(2), 57);
    await reopen();
    expect(log.recovery).toMatchObject({ outcome: 'newEpoch', reason: 'endDamaged' });
    await append(1);
    await flipBit(metaPath, 20);
    await reopen();
    expect(log.recovery).toMatchObject({ outcome: 'newEpoch', reason: 'recordDamaged' });
    await append(1);
    await store.delete(metaPath);
    await reopen();
    expect(log.recovery).toMatchObject({ outcome: 'newEpoch', reason: 'recordMissing' });
  });

  it('costs five looks at the store, however much is held', async () => {
    await append(100);
    await log.close();
    let reads = 0;
    const counting = new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        if (name === 'scan' || name === 'read') reads += 1;
        return member.bind(target);
      },
    });
    await WriteAheadLog.open({ ...options, store: counting });
    // The offsets, the meta record, the first frame, the last, and the place behind it.
    expect(reads).toBe(5);
  });

  it('serves the good entries around damage in the middle, and tells of the gap', async () => {
    await append(10);
    await flipBit(framePath(4), 60);
    await flipBit(framePath(5), 2);
    const { epoch } = log;
    await reopen();
    expect([log.epoch, log.headSequence]).toEqual([epoch, 10]);
    expect(await sequences(1)).toEqual([1, 2, 3]);
    await expect(log.read(4)).rejects.toMatchObject({
      code: 'DW_LOG_GAP',
      details: { firstSequence: 4, nextSequence: 6 },
    });
    expect(await sequences(6)).toEqual([6, 7, 8, 9, 10]);
  });

  it('does the same where the store itself calls values damaged', async () => {
    await append(10);
    await log.close();
    const faulty = new FaultyBackingStore(store);
    for (const first of [1, 4, 5]) faulty.damage(framePath(first));
    log = await WriteAheadLog.open({ ...options, store: faulty });
    expect([log.headSequence, log.tailSequence]).toEqual([10, 1]);
    await expect(log.read(1)).rejects.toMatchObject({ details: { nextSequence: 2 } });
    expect(await sequences(2)).toEqual([2, 3]);
    await expect(log.read(5)).rejects.toMatchObject({ details: { nextSequence: 6 } });
    expect(await sequences(6)).toEqual([6, 7, 8, 9, 10]);
    await log.acknowledge('reader', { epoch: log.epoch, sequence: 10 });
    await log.trim();
    expect(log.heldEntries).toBe(0);
    expect(await store.exists(framePath(4))).toBe(false);
  });

  it('starts a new epoch where the store itself calls the end or the records damaged', async () => {
    await append(3);
    const before = log.epoch;
    await log.close();
    const faulty = new FaultyBackingStore(store);
    for (const path of [framePath(3), metaPath, storePath('test', 'offsets', 'reader')]) {
      faulty.damage(path);
    }
    log = await WriteAheadLog.open({ ...options, store: faulty });
    expect(log.epoch).not.toBe(before);
    expect(log.headSequence).toBe(3 + MAX_FRAME_ENTRIES - 1);
    expect(log.consumer('reader')).toMatchObject({ isTruncated: true });
  });

  it('tells of frames that are missing in the middle', async () => {
    await append(6);
    await store.delete(framePath(3));
    await reopen();
    expect(await sequences(1)).toEqual([1, 2]);
    await expect(log.read(3)).rejects.toMatchObject({ details: { nextSequence: 4 } });
    expect(await sequences(4)).toEqual([4, 5, 6]);
  });

  it('notices a frame that is whole but from another history', async () => {
    await append(3);
    const stale = (await store.read(framePath(2))) ?? new Uint8Array();
    await log.close();
    const other = new MemoryBackingStore();
    for await (const { path, data } of store.scan('dw://')) await other.write(path, data);
    await other.delete(framePath(3));
    await other.delete(framePath(2));
    log = await WriteAheadLog.open({ ...options, store: other });
    await log.append(Buffer.from('another second entry'));
    await append(1);
    await log.close();
    await other.write(framePath(2), stale);
    log = await WriteAheadLog.open({ ...options, store: other });
    expect(await sequences(1)).toEqual([1, 2]);
    await expect(log.read(3)).rejects.toMatchObject({ code: 'DW_LOG_GAP' });
  });

  it('starts a new epoch behind a damaged last frame, and leaves that as it is', async () => {
    await append(5);
    await flipBit(framePath(5), 57);
    const damaged = await store.read(framePath(5));
    const before = log.epoch;
    await reopen();
    expect(log.epoch).not.toBe(before);
    expect(log.headSequence).toBe(5 + MAX_FRAME_ENTRIES - 1);
    expect(log.consumer('reader')).toMatchObject({
      isTruncated: true,
      position: { epoch: before },
    });
    expect(await sequences(1)).toEqual([1, 2, 3, 4]);
    await expect(log.read(5)).rejects.toMatchObject({
      code: 'DW_LOG_GAP',
      details: { nextSequence: 5 + MAX_FRAME_ENTRIES },
    });
    const { sequence } = await log.append(Buffer.from('new'));
    expect(sequence).toBe(5 + MAX_FRAME_ENTRIES);
    expect(await store.read(framePath(5))).toEqual(damaged);
    await expect(log.read(5)).rejects.toMatchObject({ details: { nextSequence: sequence } });
    expect(await sequences(sequence)).toEqual([sequence]);
  });

  it('starts no other epoch for the same damage', async () => {
    await append(3);
    await flipBit(framePath(3), 57);
    await reopen();
    const { epoch, headSequence } = log;
    await reopen();
    expect(log).toMatchObject({ epoch, headSequence });
    await append(2);
    await reopen();
    expect(log).toMatchObject({ epoch, headSequence: headSequence + 2 });
  });

  it('starts one new epoch where the store has lost what may have been the last frame', async () => {
    await append(3);
    const before = log.epoch;
    await log.close();
    const faulty = new FaultyBackingStore(store);
    // A store names ranges that it may have lost, and more of the log falls into them later.
    for (let first = 4; first < 3 * MAX_FRAME_ENTRIES; first += 1) faulty.damage(framePath(first));
    const open = () => WriteAheadLog.open({ ...options, store: faulty });
    log = await open();
    const { epoch, recovery } = log;
    expect(epoch).not.toBe(before);
    expect(recovery).toMatchObject({ outcome: 'newEpoch', reason: 'endLost', foundSequence: 3 });
    expect(log.headSequence).toBe(3 + MAX_FRAME_ENTRIES);
    await log.close();
    log = await open();
    expect(log).toMatchObject({ epoch, recovery: { outcome: 'resumed' } });
    await append(2);
    await log.close();
    log = await open();
    expect(log).toMatchObject({ epoch, recovery: { outcome: 'resumed' } });
    expect(await sequences(4 + MAX_FRAME_ENTRIES)).toHaveLength(2);
  });

  it('lets a consumer of an earlier epoch go on once it has resynchronised', async () => {
    await append(3);
    await flipBit(framePath(3), 57);
    const before = { epoch: log.epoch, sequence: 2 };
    await reopen();
    await expect(log.acknowledge('reader', before)).rejects.toMatchObject({ code: 'DW_LOG_EPOCH' });
    await log.acknowledge('reader', { epoch: log.epoch, sequence: log.headSequence });
    expect(log.consumer('reader')).toMatchObject({ isTruncated: false, lagEntries: 0 });
    await log.trim();
    expect(log.heldEntries).toBe(0);
  });

  it('goes on from the meta record where the damage is older than it', async () => {
    await append(4);
    await log.acknowledge('reader', { epoch: log.epoch, sequence: 2 });
    await log.trim();
    await flipBit(framePath(4), 57);
    const { epoch } = log;
    await reopen();
    expect([log.epoch, log.headSequence]).toEqual([epoch, 4]);
    expect(await sequences(3)).toEqual([3]);
    await expect(log.read(4)).rejects.toMatchObject({ details: { nextSequence: 5 } });
    await append(1);
    expect(await sequences(5)).toEqual([5]);
  });

  it('starts a new epoch where the meta record is damaged or gone', async () => {
    await append(3);
    const epochs = new Set([log.epoch]);
    await flipBit(metaPath, 20);
    await reopen();
    epochs.add(log.epoch);
    expect([log.headSequence, log.tailSequence]).toEqual([3, 1]);
    await append(1);
    await store.delete(metaPath);
    await reopen();
    epochs.add(log.epoch);
    expect(epochs.size).toBe(3);
    await append(1);
    expect(await sequences(1)).toEqual([1, 2, 3, 4, 5]);
  });

  it('starts a new epoch where the store has lost entries that were confirmed', async () => {
    await log.registerConsumer('other');
    await append(5);
    await log.acknowledge('other', { epoch: log.epoch, sequence: 5 });
    const before = log.epoch;
    await log.close();
    await store.delete(framePath(5));
    log = await WriteAheadLog.open(options);
    expect(log.epoch).not.toBe(before);
    expect(log.consumer('other')).toMatchObject({ isTruncated: true });
    expect((await log.append(Buffer.from('x'))).sequence).toBe(6);
  });

  it('starts a new epoch where frames that the meta record counts as held are gone', async () => {
    await append(5);
    await log.acknowledge('reader', { epoch: log.epoch, sequence: 2 });
    await log.trim();
    const before = log.epoch;
    await log.close();
    for (const first of [3, 4, 5]) await store.delete(framePath(first));
    log = await WriteAheadLog.open(options);
    expect(log.epoch).not.toBe(before);
    expect(log.headSequence).toBe(5);
    expect((await log.append(Buffer.from('x'))).sequence).toBe(6);
  });

  it('removes damaged frames when what is behind them is confirmed', async () => {
    await append(6);
    for (const first of [1, 3, 6]) await flipBit(framePath(first), 57);
    await reopen();
    const end = log.headSequence;
    await log.acknowledge('reader', { epoch: log.epoch, sequence: 4 });
    await log.trim();
    expect(log.tailSequence).toBe(5);
    await log.acknowledge('reader', { epoch: log.epoch, sequence: end });
    await log.trim();
    expect([log.heldEntries, log.heldBytes, log.tailSequence]).toEqual([0, 0, end + 1]);
    const left: string[] = [];
    for await (const path of store.list('dw://test/wal/frames/')) left.push(path);
    expect(left).toEqual([]);
  });

  it('keeps count of bytes across damage', async () => {
    await append(6);
    const { heldBytes } = log;
    await flipBit(framePath(1), 57);
    await flipBit(framePath(6), 57);
    await reopen();
    expect(log.heldBytes).toBe(heldBytes);
  });
});
