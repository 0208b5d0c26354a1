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

describe('LogRecovery', () => {
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
});
