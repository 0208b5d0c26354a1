import { beforeEach, describe, expect, it } from 'vitest';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import type { WriteAheadLogOptions } from './log-options.js';
import type { LogEntry } from './log-reader.js';
import { storePath } from './store-path.js';
import { WriteAheadLog } from './write-ahead-log.js';

const text = (value: string): Uint8Array => Buffer.from(value);
const shown = (entries: readonly LogEntry[]): string[] =>
  entries.map(({ sequence, data }) => `${sequence}:${Buffer.from(data).toString()}`);

let store: FaultyBackingStore;
let clock: ManualClock;
let options: WriteAheadLogOptions;

beforeEach(() => {
  store = new FaultyBackingStore(new MemoryBackingStore());
  clock = new ManualClock();
  options = {
    store,
    clock,
    path: storePath('test', 'wal'),
    offsetsPath: storePath('test', 'offsets'),
  };
});

describe('WriteAheadLog', () => {
  it('starts empty, and numbers entries from 1', async () => {
    const log = await WriteAheadLog.open(options);
    expect([log.headSequence, log.tailSequence, log.heldEntries, log.heldBytes]).toEqual([
      0, 1, 0, 0,
    ]);
    expect(await log.append(text('a'))).toEqual({ epoch: log.epoch, sequence: 1 });
    expect(await log.append(text('b'))).toEqual({ epoch: log.epoch, sequence: 2 });
    expect(shown(await log.read(1))).toEqual(['1:a', '2:b']);
    expect(shown(await log.read(2))).toEqual(['2:b']);
    expect(await log.read(3)).toEqual([]);
  });

  it('keeps each commit at the path of its first sequence', async () => {
    const log = await WriteAheadLog.open(options);
    await Promise.all([log.append(text('a')), log.append(text('b'))]);
    await log.append(text('c'));
    const paths: string[] = [];
    for await (const path of store.list('dw://test/wal/frames/')) paths.push(path);
    expect(paths).toEqual([
      'dw://test/wal/frames/00000000000000000001',
      'dw://test/wal/frames/00000000000000000003',
    ]);
  });

  it('commits whatever waits as one frame, together with its operations', async () => {
    const log = await WriteAheadLog.open(options);
    await log.registerConsumer('reader');
    const before = store.batches.length;
    const positions = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        log.append(text(`e${index}`), {
          operations: [{ type: 'write', path: storePath('objects', `${index}`), data: text('x') }],
        }),
      ),
    );
    expect(positions.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    expect(store.batches.length - before).toBe(1);
    expect(log.statistics()).toMatchObject({ appendedCount: 100, commitCount: 1 });
    expect(await store.exists(storePath('objects', '99'))).toBe(true);
  });

  it('gathers into the next frame what arrives during a commit', async () => {
    const log = await WriteAheadLog.open(options);
    await log.registerConsumer('reader');
    const held = store.holdWrites();
    const first = log.append(text('first'));
    await clock.elapse(0);
    const later = Array.from({ length: 50 }, (_, index) => log.append(text(`later ${index}`)));
    held[Symbol.dispose]();
    await Promise.all([first, ...later]);
    expect(log.statistics().commitCount).toBe(2);
    expect((await log.read(1)).map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 51 }, (_, index) => index + 1),
    );
  });

  it('numbers entries without a hole in the order of the calls under many writers', async () => {
    const log = await WriteAheadLog.open(options);
    await log.registerConsumer('reader');
    const appended = new Map<number, string>();
    const writer = async (name: string): Promise<void> => {
      for (let index = 0; index < 40; index += 1) {
        const { sequence } = await log.append(text(`${name}-${index}`));
        appended.set(sequence, `${name}-${index}`);
      }
    };
    await Promise.all(Array.from({ length: 25 }, (_, index) => writer(`w${index}`)));
    expect(log.headSequence).toBe(1_000);
    expect(shown(await log.read(1, { limitEntries: 1_000 }))).toEqual(
      Array.from({ length: 1_000 }, (_, index) => `${index + 1}:${appended.get(index + 1)}`),
    );
  });

  it('leaves no hole behind a failed append', async () => {
    const log = await WriteAheadLog.open(options);
    await log.append(text('a'));
    store.failWrites(new Error('disk gone'));
    await expect(
      log.append(text('lost'), {
        operations: [{ type: 'write', path: storePath('x'), data: text('x') }],
      }),
    ).rejects.toThrow('disk gone');
    expect(await store.exists(storePath('x'))).toBe(false);
    expect(await log.read(2)).toEqual([]);
    expect((await log.append(text('b'))).sequence).toBe(2);
    expect(shown(await log.read(1))).toEqual(['1:a', '2:b']);
  });

  it('writes over what a commit left whose answer was lost', async () => {
    const log = await WriteAheadLog.open(options);
    await log.append(text('a'));
    store.failWrites(new Error('answer lost'), { isApplied: true });
    const lost = Promise.allSettled([log.append(text('x')), log.append(text('y'))]);
    expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await log.read(2)).toEqual([]);
    await log.append(text('b'));
    await log.append(text('c'));
    expect(shown(await log.read(1))).toEqual(['1:a', '2:b', '3:c']);
    await log.close();
    const reopened = await WriteAheadLog.open(options);
    expect(shown(await reopened.read(1))).toEqual(['1:a', '2:b', '3:c']);
  });

  it('refuses one bad path without failing the others of the commit', async () => {
    const log = await WriteAheadLog.open(options);
    const operations = [{ type: 'delete', path: 'file:///etc/passwd' }] as const;
    const results = await Promise.allSettled([
      log.append(text('good')),
      log.append(text('bad'), { operations }),
    ]);
    expect(results[0]).toMatchObject({ status: 'fulfilled', value: { sequence: 1 } });
    expect(results[1]).toMatchObject({ reason: { code: 'DW_STORE_INVALID_PATH' } });
  });

  it('refuses an entry over the limit', async () => {
    const log = await WriteAheadLog.open({ ...options, maxEntryBytes: 10 });
    await log.append(new Uint8Array(10));
    await expect(log.append(new Uint8Array(11))).rejects.toMatchObject({
      code: 'DW_LOG_ENTRY_TOO_LARGE',
    });
  });

  it('takes back an append that is aborted while it waits, and no other', async () => {
    const log = await WriteAheadLog.open(options);
    const held = store.holdWrites();
    const first = log.append(text('first'));
    await clock.elapse(0);
    const controller = new AbortController();
    const aborted = log.append(text('aborted'), { signal: controller.signal });
    const last = log.append(text('last'));
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    held[Symbol.dispose]();
    await Promise.all([first, last]);
    expect(shown(await log.read(1))).toEqual(['1:first', '2:last']);
  });

  it('keeps an append that is aborted while it is written', async () => {
    const log = await WriteAheadLog.open(options);
    const held = store.holdWrites();
    const controller = new AbortController();
    const append = log.append(text('a'), { signal: controller.signal });
    await clock.elapse(0);
    controller.abort(new Error('too late'));
    held[Symbol.dispose]();
    expect((await append).sequence).toBe(1);
  });

  it('refuses what begins aborted', async () => {
    const log = await WriteAheadLog.open(options);
    const signal = AbortSignal.abort(new Error('before'));
    await expect(log.append(text('a'), { signal })).rejects.toThrow('before');
    await expect(log.read(1, { signal })).rejects.toThrow('before');
    await expect(log.waitForAppend(0, { signal })).rejects.toThrow('before');
  });

  it('splits commits that are too large, in order', async () => {
    const log = await WriteAheadLog.open(options);
    await log.registerConsumer('reader');
    const big = new Uint8Array(900_000);
    await Promise.all(Array.from({ length: 10 }, () => log.append(big)));
    expect(log.statistics()).toMatchObject({ appendedCount: 10, commitCount: 3 });
    expect(log.headSequence).toBe(10);
  });

  it('refuses appends when 64 MiB wait', async () => {
    const log = await WriteAheadLog.open(options);
    const held = store.holdWrites();
    const big = new Uint8Array(1_048_576);
    const appends = Array.from({ length: 64 }, () => log.append(big));
    const results = await Promise.race([Promise.allSettled([appends.at(-1)]), clock.elapse(0)]);
    expect(results).toMatchObject([{ reason: { code: 'DW_LOG_FULL', retryable: true } }]);
    held[Symbol.dispose]();
    await Promise.allSettled(appends);
  });

  it('limits a read by entries and by bytes, and returns at least one entry', async () => {
    const log = await WriteAheadLog.open(options);
    await Promise.all(Array.from({ length: 5 }, () => log.append(new Uint8Array(100))));
    await log.append(new Uint8Array(5_000));
    const length = async (limits: object): Promise<number> => (await log.read(1, limits)).length;
    expect(await length({ limitEntries: 3 })).toBe(3);
    expect(await length({ limitBytes: 250 })).toBe(2);
    expect(await length({ limitBytes: 1 })).toBe(1);
    expect(await length({})).toBe(6);
    expect(await log.read(6, { limitBytes: 10 })).toHaveLength(1);
  });

  it('reads from the middle of a frame, and across frames that are not in memory', async () => {
    const log = await WriteAheadLog.open(options);
    await log.registerConsumer('reader');
    for (let frame = 0; frame < 600; frame += 1) {
      await Promise.all([log.append(text(`${frame}a`)), log.append(text(`${frame}b`))]);
    }
    expect(shown(await log.read(2, { limitEntries: 4 }))).toEqual(['2:0b', '3:1a', '4:1b', '5:2a']);
    expect(await log.read(1, { limitEntries: 5_000 })).toHaveLength(1_200);
    expect(log.statistics().readCount).toBe(1_204);
  });

  it('says when each entry was appended', async () => {
    const log = await WriteAheadLog.open(options);
    await log.append(text('a'));
    clock.advance(5_000);
    await log.append(text('b'));
    const [a, b] = await log.read(1);
    expect((b?.appendedAtMs ?? 0) - (a?.appendedAtMs ?? 0)).toBe(5_000);
  });

  it('refuses to read where the log has never been', async () => {
    const log = await WriteAheadLog.open(options);
    await log.append(text('a'));
    for (const from of [0, -1, 1.5, 3, Number.NaN]) {
      await expect(log.read(from)).rejects.toMatchObject({ code: 'DW_LOG_INVALID_OFFSET' });
    }
  });

  it('wakes those who wait for more', async () => {
    const log = await WriteAheadLog.open(options);
    await log.append(text('a'));
    await log.waitForAppend(0);
    const controller = new AbortController();
    const waits = Promise.allSettled([
      log.waitForAppend(1),
      log.waitForAppend(5),
      log.waitForAppend(9, { signal: controller.signal }),
    ]);
    await log.append(text('b'));
    controller.abort(new Error('enough'));
    await log.close();
    expect(await waits).toMatchObject([
      { status: 'fulfilled' },
      { reason: { code: 'DW_LOG_CLOSED' } },
      { reason: { message: 'enough' } },
    ]);
  });

  it('drains at close, then refuses everything', async () => {
    const log = await WriteAheadLog.open(options);
    const held = store.holdWrites();
    const append = log.append(text('a'));
    const closing = log.close();
    expect(log.close()).toBe(closing);
    await expect(log.append(text('b'))).rejects.toMatchObject({ code: 'DW_LOG_CLOSED' });
    held[Symbol.dispose]();
    expect((await append).sequence).toBe(1);
    await closing;
    const calls = [
      () => log.read(1),
      () => log.waitForAppend(0),
      () => log.registerConsumer('c'),
      () => log.removeConsumer('c'),
      () => log.acknowledge('c', { epoch: log.epoch, sequence: 1 }),
      () => log.trim(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'DW_LOG_CLOSED' });
    expect(await store.exists('dw://test/wal/meta')).toBe(true);
  });

  it('refuses nonsensical limits', async () => {
    await expect(WriteAheadLog.open({ ...options, retentionMs: -1 })).rejects.toMatchObject({
      code: 'DW_SCALING_INVALID_LIMITS',
    });
    const log = await WriteAheadLog.open(options);
    expect(() => log.reconfigure({ maxHeldEntries: 1.5 })).toThrow('maxHeldEntries');
  });
});
