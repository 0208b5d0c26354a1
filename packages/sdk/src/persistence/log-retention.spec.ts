import { beforeEach, describe, expect, it } from 'vitest';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import type { LogTruncation, WriteAheadLogOptions } from './log-options.js';
import { storePath } from './store-path.js';
import { WriteAheadLog } from './write-ahead-log.js';

const hourMs = 3_600_000;
let store: FaultyBackingStore;
let clock: ManualClock;
let options: WriteAheadLogOptions;
let log: WriteAheadLog;
let truncations: LogTruncation[];

/** Each one a frame of its own. */
async function append(count: number, bytes = 10): Promise<void> {
  for (let index = 0; index < count; index += 1) await log.append(new Uint8Array(bytes));
}

const at = (sequence: number) => ({ epoch: log.epoch, sequence });

async function frameCount(): Promise<number> {
  let count = 0;
  for await (const path of store.list('dw://test/wal/frames/')) count += path.length > 0 ? 1 : 0;
  return count;
}

async function open(): Promise<void> {
  log = await WriteAheadLog.open(options);
  log.onDidTruncate((event) => {
    truncations.push(event);
  });
}

beforeEach(async () => {
  store = new FaultyBackingStore(new MemoryBackingStore());
  clock = new ManualClock();
  truncations = [];
  options = {
    store,
    clock,
    path: storePath('test', 'wal'),
    offsetsPath: storePath('test', 'offsets'),
  };
  await open();
});

describe('trimming of a WriteAheadLog', () => {
  it('removes what every consumer has confirmed, and nothing else', async () => {
    await log.registerConsumer('a');
    await log.registerConsumer('b');
    await append(10);
    await log.acknowledge('a', at(10));
    expect(await log.trim()).toBe(0);
    await log.acknowledge('b', at(4));
    await log.trim();
    expect([log.tailSequence, log.heldEntries, await frameCount()]).toEqual([5, 6, 6]);
    await expect(log.read(4)).rejects.toMatchObject({
      code: 'DW_LOG_TRUNCATED',
      details: { firstSequence: 5 },
    });
    expect(await log.read(5)).toHaveLength(6);
    expect(truncations).toEqual([]);
  });

  it('runs by itself after an acknowledgement and a removal', async () => {
    await log.registerConsumer('a');
    await log.registerConsumer('dead');
    await append(3);
    await log.acknowledge('a', at(3));
    await log.removeConsumer('dead');
    await clock.elapse(0);
    expect([log.heldEntries, log.heldBytes, await frameCount()]).toEqual([0, 0, 0]);
  });

  it('keeps frames that are confirmed in part', async () => {
    await log.registerConsumer('a');
    await Promise.all(Array.from({ length: 10 }, () => log.append(new Uint8Array(1))));
    await log.acknowledge('a', at(9));
    expect(await log.trim()).toBe(0);
    expect(await log.read(10)).toHaveLength(1);
  });

  it('keeps nothing for nobody', async () => {
    await append(500);
    await clock.elapse(0);
    expect(await frameCount()).toBeLessThan(64);
    await log.trim();
    expect([log.heldEntries, await frameCount(), log.headSequence]).toEqual([0, 0, 500]);
  });

  it('removes what is too old, and tells whoever loses by it once', async () => {
    await log.registerConsumer('slow');
    await log.registerConsumer('quick');
    await append(3);
    await log.acknowledge('quick', at(3));
    clock.advance(47 * hourMs);
    await append(2);
    expect(await log.trim()).toBe(0);
    clock.advance(2 * hourMs);
    expect(await log.trim()).toBe(3);
    expect(truncations).toEqual([{ consumerId: 'slow', firstSequence: 4 }]);
    expect(log.consumer('slow')).toMatchObject({ isTruncated: true, lagEntries: 2 });
    expect(log.consumer('quick')).toMatchObject({ isTruncated: false, lagEntries: 2 });
    clock.advance(48 * hourMs);
    await log.trim();
    expect(truncations).toEqual([
      { consumerId: 'slow', firstSequence: 4 },
      { consumerId: 'quick', firstSequence: 6 },
    ]);
  });

  it('removes what is too old by itself, also where nobody uses the log', async () => {
    await log.registerConsumer('slow');
    await append(2);
    await clock.elapse(24 * hourMs);
    await append(1);
    await clock.elapse(25 * hourMs);
    expect([log.heldEntries, await frameCount()]).toEqual([1, 1]);
    await log.close();
    expect(clock.pendingTimers).toBe(0);
    await open();
    await clock.elapse(25 * hourMs);
    expect([log.heldEntries, log.statistics().truncationCount]).toEqual([0, 0]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('looks at the clock anew when the retention changes', async () => {
    await log.registerConsumer('slow');
    await append(2);
    log.reconfigure({ retentionMs: 10_000 });
    await clock.elapse(11_000);
    expect([log.heldEntries, log.statistics().truncationCount]).toEqual([0, 1]);
  });

  it('holds what comes after a loss for the one who lost', async () => {
    log.reconfigure({ retentionMs: hourMs });
    await log.registerConsumer('c');
    await append(2);
    clock.advance(2 * hourMs);
    await log.trim();
    await append(3);
    expect(await log.trim()).toBe(0);
    await log.acknowledge('c', at(1));
    expect(log.consumer('c')).toMatchObject({ isTruncated: true });
    await log.acknowledge('c', at(2));
    expect(log.consumer('c')).toMatchObject({ isTruncated: false, lagEntries: 3 });
    expect(await log.read(3)).toHaveLength(3);
  });

  it('still knows after a restart who has lost', async () => {
    log.reconfigure({ retentionMs: hourMs });
    await log.registerConsumer('c');
    await append(2);
    clock.advance(2 * hourMs);
    await log.trim();
    await log.close();
    await open();
    expect(log.consumer('c')).toMatchObject({ isTruncated: true, position: { sequence: 0 } });
  });

  it('removes the oldest beyond the byte limit by itself, but never the newest frame', async () => {
    log.reconfigure({ maxHeldBytes: 2_000 });
    await log.registerConsumer('c');
    await append(10, 940);
    await clock.elapse(0);
    expect([log.heldEntries, log.heldBytes]).toEqual([2, 2_000]);
    expect(truncations).toHaveLength(1);
    await append(1, 5_000);
    await clock.elapse(0);
    expect([log.heldEntries, log.heldBytes]).toEqual([1, 5_060]);
  });

  it('makes room in a log that is full of entries that are too old', async () => {
    log.reconfigure({ maxHeldEntries: 3, retentionMs: hourMs });
    await log.registerConsumer('dead');
    await append(3);
    clock.advance(2 * hourMs);
    await expect(append(1)).rejects.toMatchObject({ code: 'DW_LOG_FULL' });
    await clock.elapse(0);
    await append(1);
    expect(log.heldEntries).toBe(1);
  });

  it('continues the sequence behind a log that was trimmed whole', async () => {
    const { epoch } = log;
    await append(40);
    await log.trim();
    await log.close();
    await open();
    expect([log.epoch, log.headSequence, log.tailSequence]).toEqual([epoch, 40, 41]);
    await expect(log.read(40)).rejects.toMatchObject({ code: 'DW_LOG_TRUNCATED' });
    await append(2);
    expect((await log.read(41)).map(({ sequence }) => sequence)).toEqual([41, 42]);
  });

  it('makes up for a trim that failed', async () => {
    await log.registerConsumer('c');
    await append(2);
    await log.acknowledge('c', at(1));
    await clock.elapse(0);
    await append(1);
    store.failWrites(new Error('disk gone'));
    await expect(log.acknowledge('c', at(2))).rejects.toThrow('disk gone');
    const held = store.holdWrites();
    const acknowledged = log.acknowledge('c', at(2));
    await clock.elapse(0);
    store.failWrites(new Error('disk gone'));
    held[Symbol.dispose]();
    await acknowledged;
    await clock.elapse(0);
    expect(log.statistics()).toMatchObject({ failedTrimCount: 1, heldEntries: 2 });
    await log.acknowledge('c', at(3));
    await clock.elapse(0);
    expect(log.heldEntries).toBe(0);
  });

  it('loses nothing of what is appended while it runs', async () => {
    const writer = async (): Promise<void> => {
      for (let index = 0; index < 100; index += 1) await log.append(new Uint8Array(10));
    };
    const trimmer = async (): Promise<void> => {
      for (let index = 0; index < 200; index += 1) await log.trim();
    };
    await log.registerConsumer('late', { from: 'head' });
    await log.removeConsumer('late');
    await Promise.all([writer(), trimmer(), writer()]);
    const { lagEntries, position } = await log.registerConsumer('late');
    expect(position.sequence).toBe(log.tailSequence - 1);
    await append(5);
    expect(await log.read(log.tailSequence)).toHaveLength(lagEntries + 5);
    expect(log.headSequence).toBe(205);
  });

  it('lets readers pass while it runs', async () => {
    await log.registerConsumer('c');
    await append(1_000);
    let next = 1;
    while (next <= 1_000) {
      const entries = await log.read(next, { limitEntries: 7 });
      expect(entries[0]?.sequence).toBe(next);
      next += entries.length;
      await log.acknowledge('c', at(next - 1));
    }
    await log.trim();
    expect(log.heldEntries).toBe(0);
  });

  it('goes on when a listener throws', async () => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    log.onDidTruncate(() => {
      throw new Error('listener failed');
    });
    log.reconfigure({ retentionMs: hourMs });
    await log.registerConsumer('c');
    await append(2);
    clock.advance(2 * hourMs);
    expect(await log.trim()).toBe(2);
    expect(await warned).toMatchObject({ name: 'DataWarehouseListener' });
  });

  it('stops telling a listener that is disposed', async () => {
    const seen: LogTruncation[] = [];
    log.onDidTruncate((event) => seen.push(event))[Symbol.dispose]();
    log.reconfigure({ retentionMs: hourMs });
    await log.registerConsumer('c');
    await append(1);
    clock.advance(2 * hourMs);
    await log.trim();
    expect(seen).toEqual([]);
  });
});
