import { DwError } from '@datawarehouse/sdk';
import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { newTimedId } from '../identity/identifiers.js';
import { newKeyPair } from '../testing/samples.js';
import { settledStatusOf, summarise } from './target-counts.js';
import { type SettleListener, TargetLedger } from './target-ledger.js';
import { isLegalMove, targetStates } from './target-record.js';

const jobId = newTimedId(1);
const clientIds = Array.from({ length: 5 }, () => newKeyPair().keyId).sort();
const [first = ''] = clientIds;

async function listOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

describe('TargetLedger', () => {
  let store: MemoryBackingStore;
  let ledger: TargetLedger;

  beforeEach(() => {
    store = new MemoryBackingStore();
    ledger = new TargetLedger(store, new ManualClock());
  });

  it('has counts that equal a recount of the records, whatever happened', async () => {
    const move = fc.record({
      client: fc.constantFrom(...clientIds),
      state: fc.constantFrom(...targetStates),
      isForgotten: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 40 }), async (moves) => {
        store = new MemoryBackingStore();
        ledger = new TargetLedger(store, new ManualClock());
        await ledger.open(jobId, clientIds);
        for (const { client, state, isForgotten } of moves) {
          if (isForgotten) ledger = new TargetLedger(store, new ManualClock());
          const before = await ledger.get(jobId, client);
          const moved = await ledger
            .move(jobId, client, { state })
            .catch((error: unknown) => error);
          const isLegal = before !== undefined && isLegalMove(before.state, state);
          if (isLegal || before?.state === state) expect(moved).toMatchObject({ state });
          else expect(DwError.is(moved, 'DW_AEDS_ILLEGAL_MOVE')).toBe(true);
        }
        const counts = await ledger.counts(jobId);
        const records = await ledger.targets(jobId, { limit: 100 });
        for (const state of targetStates) {
          expect(counts[state]).toBe(records.filter((record) => record.state === state).length);
        }
        const { totalTargets, deliveredCount, failedCount, openCount } = summarise(counts);
        expect(totalTargets).toBe(clientIds.length);
        expect(deliveredCount + failedCount + openCount).toBe(totalTargets);
        expect(settledStatusOf(counts) === undefined).toBe(openCount > 0);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a job in its clients’ inboxes for as long as it is open there', async () => {
    await ledger.open(jobId, clientIds);
    expect(await listOf(ledger.inbox(first))).toEqual([jobId]);
    await ledger.move(jobId, first, { state: 'downloading', bytes: 5, attempt: 1 });
    expect(await listOf(ledger.inbox(first))).toEqual([jobId]);
    await ledger.move(jobId, first, { state: 'applied' });
    expect(await listOf(ledger.inbox(first))).toEqual([]);
    expect(await ledger.get(jobId, first)).toMatchObject({
      state: 'applied',
      bytes: 5,
      attempt: 1,
    });
  });

  it('adds targets once', async () => {
    await ledger.open(jobId, clientIds.slice(0, 3));
    await ledger.move(jobId, first, { state: 'applied' });
    const counts = await ledger.open(jobId, clientIds);
    expect(counts).toMatchObject({ pending: 4, applied: 1 });
  });

  it('knows everything after a restart', async () => {
    await ledger.open(jobId, clientIds);
    await ledger.move(jobId, first, { state: 'refused', code: 'DW_X', message: 'no' });
    const reopened = new TargetLedger(store, new ManualClock());
    expect(await reopened.counts(jobId)).toMatchObject({ pending: 4, refused: 1 });
    expect(await reopened.get(jobId, first)).toMatchObject({ code: 'DW_X', message: 'no' });
  });

  it('lets what a client did stand against what the server gave up', async () => {
    await ledger.open(jobId, clientIds);
    await ledger.closeOpen(jobId, 'expired');
    expect(await ledger.counts(jobId)).toMatchObject({ expired: 5 });
    await ledger.move(jobId, first, { state: 'applied' });
    await ledger.closeOpen(jobId, 'cancelled');
    expect(await ledger.counts(jobId)).toMatchObject({ applied: 1, expired: 4 });
  });

  it('tells of each end, after it is stored', async () => {
    const settled = vi.fn<SettleListener>(async () => undefined);
    ledger.onSettle = settled;
    await ledger.open(jobId, [first]);
    await ledger.move(jobId, first, { state: 'notified' });
    expect(settled).not.toHaveBeenCalled();
    await ledger.move(jobId, first, { state: 'applied' });
    expect(settled).toHaveBeenCalledExactlyOnceWith(jobId, expect.objectContaining({ applied: 1 }));
  });

  it('refuses reports of clients that are no target', async () => {
    await expect(ledger.move(jobId, first, { state: 'applied' })).rejects.toMatchObject({
      code: 'DW_AEDS_NOT_A_TARGET',
    });
    expect(summarise(await ledger.counts(jobId)).totalTargets).toBe(0);
  });

  it('counts anew where a write failed', async () => {
    await ledger.open(jobId, clientIds);
    const { batch } = store;
    store.batch = () => Promise.reject(new Error('full'));
    await expect(ledger.move(jobId, first, { state: 'applied' })).rejects.toThrow('full');
    store.batch = batch;
    expect(await ledger.counts(jobId)).toMatchObject({ pending: 5, applied: 0 });
  });
});
