import { ContentStore, silentLogger } from '@datawarehouse/sdk';
import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import type { ObjectRecord } from '../objects/object-record.js';
import { emptyVector } from '../objects/version-vector.js';
import { conflictIdOf } from './conflict-entry.js';
import { ConflictLog, type ConflictLogOptions } from './conflict-log.js';

async function open(changes: Partial<ConflictLogOptions> = {}) {
  const store = new MemoryBackingStore();
  const clock = new ManualClock({ startMs: 1_000_000 });
  const content = await ContentStore.open({ store });
  const options = {
    ...{ store, content, clock, logger: silentLogger, nodeId: 'here' },
    ...{ retentionMs: 10_000, maxEntries: 100, maxHeldBytes: 1_000_000, ...changes },
  };
  const log = await ConflictLog.open(options);
  const version = async (physicalMs: number, text?: string): Promise<ObjectRecord> => {
    const stamp = { physicalMs, logical: 0, nodeId: 'n1' };
    return {
      ...{ namespace: 'n', key: `k${physicalMs}`, version: stamp, context: emptyVector },
      floor: stamp,
      payload:
        text === undefined ? undefined : await content.put(Buffer.from(text), { owner: 'x' }),
      ...{ contentType: undefined, updatedAtMs: 1, strategy: 'asynchronous' },
    };
  };
  /** Has a version lose, and its object let go of it. */
  const lose = async (loser: ObjectRecord, isHere = true) => {
    const winner = await version(loser.version.physicalMs + 1, 'winner');
    const entries = log.entriesOf(await log.unknown([{ loser, winner, isHere }]), 'latestWins');
    const released = loser.payload && isHere ? content.release(loser.payload, 'x') : [];
    await store.batch([...log.operations(entries), ...released]);
    await log.noteStored(entries);
    return entries.length;
  };
  const ids = async (of = log) => (await of.page({})).conflicts.map(({ id }) => id);
  return { store, clock, content, log, options, version, lose, ids };
}

const textOf = async (pieces: AsyncIterable<Uint8Array> | undefined) => {
  const all: Uint8Array[] = [];
  if (pieces !== undefined) for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
};

describe('ConflictLog', () => {
  it('keeps what was discarded: its content, against what, by whom, when and why', async () => {
    const { log, content, version, lose, clock } = await open();
    const loser = await version(5, 'lost');
    await lose(loser);
    await content.clean();
    const id = conflictIdOf(loser);
    expect(await log.get(id)).toEqual({
      ...{ id, loser, winner: { physicalMs: 6, logical: 0, nodeId: 'n1' } },
      ...{ decidedBy: 'here', resolver: 'latestWins', decidedAtMs: clock.now(), isHeld: true },
    });
    expect(await textOf(await log.content(id))).toBe('lost');
    expect(log).toMatchObject({ entryCount: 1, heldBytes: 4 });
  });

  it('takes each version once, however often it arrives', async () => {
    const { log, version, lose } = await open();
    const loser = await version(5, 'lost');
    expect(await lose(loser)).toBe(1);
    expect(await lose(loser)).toBe(0);
    expect(log.entryCount).toBe(1);
  });

  it('says which node holds content that was never here', async () => {
    const { log, version, lose } = await open();
    const loser = await version(5, 'elsewhere');
    await lose(loser, false);
    expect(await log.get(conflictIdOf(loser))).toMatchObject({ isHeld: false });
    await expect(log.content(conflictIdOf(loser))).rejects.toMatchObject({
      code: 'DW_REPLICATION_CONFLICT_NOT_HELD',
      details: { writtenBy: 'n1' },
    });
  });

  it('keeps a discarded deletion, which has no content', async () => {
    const { log, version, lose } = await open();
    const loser = await version(5);
    await lose(loser);
    expect(await log.content(conflictIdOf(loser))).toBeUndefined();
  });

  it('pages from the latest to the oldest, each entry once', async () => {
    const { log, version, lose } = await open();
    for (let at = 1; at <= 7; at += 1) await lose(await version(at, `${at}`));
    const found: number[] = [];
    let after: string | undefined;
    do {
      const { conflicts, next } = await log.page({ after, limit: 3 });
      found.push(...conflicts.map(({ loser }) => loser.version.physicalMs));
      after = next;
    } while (after !== undefined);
    expect(found).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  it('lets the oldest go over its bound of entries and of bytes, with their content', async () => {
    const { log, content, version, lose, ids } = await open({ maxEntries: 3, maxHeldBytes: 10 });
    for (let at = 1; at <= 5; at += 1) await lose(await version(at, `${at}`));
    expect(await ids()).toHaveLength(3);
    const large = await version(6, 'nine long');
    await lose(large);
    expect(log).toMatchObject({ entryCount: 2, heldBytes: 10 });
    await lose(await version(7, 'longer than all bytes together'));
    expect(log).toMatchObject({ entryCount: 1, heldBytes: 30 });
    await content.clean();
    await expect(log.get(conflictIdOf(large))).rejects.toMatchObject({
      code: 'DW_REPLICATION_CONFLICT_NOT_FOUND',
    });
    expect(large.payload && (await content.has(large.payload))).toBe(false);
  });

  it('lets entries go when their time is over, whenever their versions were written', async () => {
    const { log, clock, version, lose, ids } = await open();
    const [late, early] = [await version(9, 'late'), await version(1, 'early')];
    await lose(late);
    clock.advance(6_000);
    await lose(early);
    clock.advance(4_000);
    await log.expire();
    expect(await ids()).toEqual([conflictIdOf(early)]);
    expect(log).toMatchObject({ entryCount: 1, heldBytes: 5 });
  });

  it('knows its entries and bytes after a restart', async () => {
    const { options, version, lose } = await open();
    await lose(await version(1, 'abc'));
    await lose(await version(2));
    expect(await ConflictLog.open(options)).toMatchObject({ entryCount: 2, heldBytes: 3 });
  });

  it.each(['', 'x', '../../secret', `${'0'.repeat(16)}-${'0'.repeat(32)}`])(
    'has no entry %j',
    async (id) => {
      const { log } = await open();
      await expect(log.get(id)).rejects.toMatchObject({
        code: 'DW_REPLICATION_CONFLICT_NOT_FOUND',
      });
    },
  );
});
