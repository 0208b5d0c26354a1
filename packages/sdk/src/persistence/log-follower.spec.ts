import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import type { WriteAheadLogOptions } from './log-options.js';
import type { LogEntry } from './log-reader.js';
import { sequenceSegment, storePath } from './store-path.js';
import { WriteAheadLog } from './write-ahead-log.js';

const hourMs = 3_600_000;
let store: MemoryBackingStore;
let clock: ManualClock;
let options: WriteAheadLogOptions;
let log: WriteAheadLog;

/** Each one a frame of its own. */
async function append(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await log.append(Buffer.from('x'));
}

/** Takes some entries, and leaves the loop. */
async function take(entries: AsyncGenerator<LogEntry>, count: number): Promise<number[]> {
  const sequences: number[] = [];
  for await (const { sequence } of entries) {
    sequences.push(sequence);
    if (sequences.length === count) break;
  }
  return sequences;
}

const at = (sequence: number) => ({ epoch: log.epoch, sequence });

async function damageFrame(first: number): Promise<void> {
  await store.write(storePath('test', 'wal', 'frames', sequenceSegment(first)), Buffer.from('?'));
}

async function reopen(): Promise<void> {
  await log.close();
  log = await WriteAheadLog.open(options);
}

beforeEach(async () => {
  store = new MemoryBackingStore();
  clock = new ManualClock();
  options = {
    ...{ store, clock, retentionMs: hourMs },
    path: storePath('test', 'wal'),
    offsetsPath: storePath('test', 'offsets'),
  };
  log = await WriteAheadLog.open(options);
  await log.registerConsumer('reader');
});

describe('following a WriteAheadLog', () => {
  it('yields what is there, then waits for more', async () => {
    await append(3);
    const entries = log.follow(2);
    expect([(await entries.next()).value.sequence, (await entries.next()).value.sequence]).toEqual([
      2, 3,
    ]);
    const fourth = entries.next();
    await append(1);
    expect((await fourth).value.sequence).toBe(4);
    const taken = take(entries, 100);
    await Promise.all(Array.from({ length: 100 }, () => log.append(Buffer.from('y'))));
    expect(await taken).toEqual(Array.from({ length: 100 }, (_, index) => index + 5));
  });

  it('ends with the reason of its signal, while it waits and between entries', async () => {
    await append(3);
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = take(log.follow(1, { signal: controller.signal }), 10);
    const between = log.follow(1, { signal: controller.signal });
    await between.next();
    await clock.elapse(0);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(between.next()).rejects.toBe(reason);
    await expect(log.follow(1, { signal: controller.signal }).next()).rejects.toBe(reason);
  });

  it('ends when the log is closed', async () => {
    const waiting = log.follow(1).next();
    await clock.elapse(0);
    await log.close();
    await expect(waiting).rejects.toMatchObject({ code: 'DW_LOG_CLOSED' });
  });

  it('tells of damage in the middle, and goes on behind it', async () => {
    await append(5);
    await reopen();
    await damageFrame(3);
    const sequences: number[] = [];
    const follow = async (from: number): Promise<void> => {
      for await (const { sequence } of log.follow(from)) sequences.push(sequence);
    };
    await expect(follow(1)).rejects.toMatchObject({
      code: 'DW_LOG_GAP',
      details: { firstSequence: 3, nextSequence: 4 },
    });
    expect(await take(log.follow(4), 2)).toEqual([4, 5]);
    expect([sequences, log.statistics().gapCount]).toEqual([[1, 2], 1]);
  });

  it('is refused for a sequence of another epoch', async () => {
    await append(2);
    const { epoch } = log;
    expect(await take(log.follow(1, { epoch }), 2)).toEqual([1, 2]);
    await log.close();
    await damageFrame(2);
    log = await WriteAheadLog.open(options);
    await expect(log.follow(1, { epoch }).next()).rejects.toMatchObject({
      code: 'DW_LOG_EPOCH',
      details: { epoch, currentEpoch: log.epoch },
    });
  });
});

describe('consuming a WriteAheadLog', () => {
  it('goes on behind what the consumer has confirmed', async () => {
    await append(5);
    expect(await take(log.consume('reader'), 5)).toEqual([1, 2, 3, 4, 5]);
    await log.acknowledge('reader', at(3));
    expect(await take(log.consume('reader'), 2)).toEqual([4, 5]);
    await reopen();
    expect(await take(log.consume('reader'), 2)).toEqual([4, 5]);
    await expect(log.consume('nobody').next()).rejects.toMatchObject({
      code: 'DW_LOG_UNKNOWN_CONSUMER',
    });
  });

  it('tells once of entries that are gone, then goes on with the first still held', async () => {
    await append(3);
    clock.advance(hourMs + 1);
    await log.trim();
    await append(2);
    await expect(log.consume('reader').next()).rejects.toMatchObject({
      code: 'DW_LOG_TRUNCATED',
      details: { consumerId: 'reader', sequence: 1, firstSequence: 4 },
    });
    expect(await take(log.consume('reader'), 2)).toEqual([4, 5]);
    await log.acknowledge('reader', at(4));
    expect(await take(log.consume('reader'), 1)).toEqual([5]);
    expect(log.statistics().truncationCount).toBe(1);
  });

  it('tells once of what goes while the consumer reads, and again of another loss', async () => {
    await append(2);
    const entries = log.consume('reader');
    await entries.next();
    await entries.next();
    const waiting = entries.next();
    await clock.elapse(0);
    await append(1);
    expect((await waiting).value.sequence).toBe(3);
    await append(2);
    clock.advance(hourMs + 1);
    await log.trim();
    const truncated = { code: 'DW_LOG_TRUNCATED', details: { firstSequence: 6 } };
    await expect(entries.next()).rejects.toMatchObject(truncated);
    await append(1);
    expect(await take(log.consume('reader'), 1)).toEqual([6]);
    clock.advance(hourMs + 1);
    await log.trim();
    await expect(log.consume('reader').next()).rejects.toMatchObject({
      code: 'DW_LOG_TRUNCATED',
      details: { firstSequence: 7 },
    });
  });

  it('tells once that what the consumer confirmed belongs to an earlier epoch', async () => {
    await log.registerConsumer('other');
    await append(2);
    await log.acknowledge('reader', at(1));
    const before = log.epoch;
    await log.close();
    await damageFrame(2);
    log = await WriteAheadLog.open(options);
    await append(1);
    await expect(log.consume('reader').next()).rejects.toMatchObject({
      code: 'DW_LOG_EPOCH',
      details: { epoch: before, currentEpoch: log.epoch, firstSequence: log.tailSequence },
    });
    await log.acknowledge('reader', at(log.headSequence - 1));
    expect(await take(log.consume('reader'), 1)).toEqual([log.headSequence]);
  });
});
