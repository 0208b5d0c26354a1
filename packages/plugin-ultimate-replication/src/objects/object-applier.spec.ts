import { ConcurrencyLimit, ContentStore, silentLogger, systemClock } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConflictDetector } from '../conflict/conflict-detector.js';
import { conflictPath } from '../conflict/conflict-entry.js';
import { ConflictLog } from '../conflict/conflict-log.js';
import { createReplicationCounters } from '../scaling/replication-counters.js';
import { HybridClock } from './hybrid-clock.js';
import { ObjectApplier } from './object-applier.js';
import type { ObjectRecord } from './object-record.js';
import { ObjectTable } from './object-table.js';
import { compareVersions } from './object-version.js';
import type { PayloadSource } from './payload-source.js';
import { StateChanges } from './state-changes.js';
import { emptyVector } from './version-vector.js';

const startMs = Date.now() - 1_000;

/** Contents of a node that has everything; a payload's one byte tells its digest. */
async function openContents() {
  const content = await ContentStore.open({ store: new MemoryBackingStore() });
  const references = await Promise.all(
    [0, 1, 2, 3].map((byte) => content.put(Uint8Array.of(byte), { owner: `byte ${byte}` })),
  );
  const source: PayloadSource = {
    chunkDigests: (reference) => content.chunkDigests(reference),
    chunks: (digests) => Promise.all(digests.map((digest) => content.readChunk(digest))),
    current: async () => [],
  };
  return { references, source };
}

async function openNode() {
  const store = new MemoryBackingStore();
  const counters = createReplicationCounters();
  const content = await ContentStore.open({ store });
  const table = new ObjectTable({ store, logger: silentLogger, counters });
  const versions = new HybridClock({ nodeId: 'here', clock: systemClock, maxDriftMs: 60_000 });
  const concurrency = new ConcurrencyLimit(4);
  const conflicts = await ConflictLog.open({
    ...{ store, content, clock: systemClock, logger: silentLogger, nodeId: 'here' },
    ...{ retentionMs: 1_000, maxEntries: 1, maxHeldBytes: 0 },
  });
  const detector = new ConflictDetector(content, counters);
  const changes = new StateChanges({ content, table, detector, conflicts, counters });
  const applier = new ObjectApplier({
    ...{ store, content, table, changes, versions, concurrency, counters },
    settle: async () => undefined,
    maxObjectBytes: 1_048_576,
  });
  const state = async () => {
    const records: ObjectRecord[] = [];
    for await (const versions of table.scanAll()) records.push(...versions);
    return records;
  };
  return { store, content, conflicts, applier, counters, state };
}

const contents = await openContents();

const firstVersion = { physicalMs: startMs, logical: 0, nodeId: 'n1' };
const first = { version: firstVersion, context: emptyVector, floor: firstVersion };

const recordArbitrary: fc.Arbitrary<ObjectRecord> = fc
  .record({
    namespace: fc.constantFrom('n', 'm'),
    key: fc.constantFrom('a', 'b', '\u{1F600}'),
    version: fc.record({
      physicalMs: fc.integer({ min: startMs, max: startMs + 3 }),
      logical: fc.integer({ min: 0, max: 2 }),
      nodeId: fc.constantFrom('n1', 'n2', 'n3'),
    }),
    payload: fc.option(fc.constantFrom(...contents.references), { nil: undefined }),
    context: fc.constant(emptyVector),
    contentType: fc.constant(undefined),
    updatedAtMs: fc.constant(startMs),
    strategy: fc.constant('asynchronous'),
  })
  .map((record) => ({ ...record, floor: record.version }));

/** A version names one content: two records with the same version and name are the same. */
const historyArbitrary = fc.uniqueArray(recordArbitrary, {
  maxLength: 24,
  selector: ({ namespace, key, version }) => JSON.stringify([namespace, key, version]),
});

const scheduleArbitrary = historyArbitrary.chain((history) =>
  fc.record({
    history: fc.constant(history),
    // Each node gets the history in its own order, with repetitions, cut into its own batches.
    orders: fc.array(
      fc.record({
        order: fc.shuffledSubarray([...history, ...history], {
          minLength: history.length * 2,
        }),
        batchLength: fc.integer({ min: 1, max: 7 }),
      }),
      { minLength: 2, maxLength: 3 },
    ),
  }),
);

function winners(history: readonly ObjectRecord[]): readonly ObjectRecord[] {
  const latest = new Map<string, ObjectRecord>();
  for (const record of history) {
    const name = JSON.stringify([record.namespace, record.key]);
    const other = latest.get(name);
    if (other === undefined || compareVersions(record.version, other.version) > 0) {
      latest.set(name, record);
    }
  }
  return [...latest.values()];
}

const byName = (a: ObjectRecord, b: ObjectRecord) =>
  a.namespace + a.key < b.namespace + b.key ? -1 : 1;

describe('ObjectApplier', { timeout: 30_000 }, () => {
  it('leaves the latest version of every object, in any order and however often', async () => {
    await fc.assert(
      fc.asyncProperty(scheduleArbitrary, async ({ history, orders }) => {
        const expected = [...winners(history)].sort(byName);
        for (const { order, batchLength } of orders) {
          const { applier, state, content, conflicts, store } = await openNode();
          for (let at = 0; at < order.length; at += batchLength) {
            const records = order.slice(at, at + batchLength);
            await applier.apply({ records, source: contents.source });
          }
          expect([...(await state())].sort(byName)).toEqual(expected);
          // What has lost is held by the conflict log, one entry of which may stay.
          for (const { id, loser } of (await conflicts.page({})).conflicts) {
            if (loser.payload) await store.batch(content.release(loser.payload, conflictPath(id)));
          }
          await content.clean();
          const wanted = new Set(expected.flatMap(({ payload }) => payload?.digest ?? []));
          const kept: string[] = [];
          for await (const path of store.list('dw://content/chunks/')) kept.push(path);
          expect(kept).toHaveLength(wanted.size);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('applies concurrent batches for the same objects without losing or mixing any', async () => {
    await fc.assert(
      fc.asyncProperty(historyArbitrary, async (history) => {
        const { applier, state } = await openNode();
        await Promise.all(
          history.map((record) => applier.apply({ records: [record], source: contents.source })),
        );
        expect([...(await state())].sort(byName)).toEqual([...winners(history)].sort(byName));
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a version from too far in the future, and applies an earlier one instead', async () => {
    const { applier, state, counters } = await openNode();
    const sound: ObjectRecord = {
      namespace: 'n',
      key: 'k',
      ...first,
      payload: contents.references[0],
      updatedAtMs: startMs,
      strategy: 'asynchronous',
    };
    const future = {
      ...sound,
      version: { ...sound.version, physicalMs: Date.now() + 3_600_000 },
    };
    const outcome = await applier.apply({ records: [sound, future], source: contents.source });
    expect(outcome.refused.map(({ record, error }) => [record, error.code])).toEqual([
      [future, 'DW_REPLICATION_CLOCK_DRIFT'],
    ]);
    expect(await state()).toMatchObject([{ version: sound.version }]);
    expect(counters.appliedEvents).toBe(1);
  });

  it('changes nothing where a content cannot be fetched', async () => {
    const { applier, state, store } = await openNode();
    const record: ObjectRecord = {
      namespace: 'n',
      key: 'k',
      ...first,
      payload: contents.references[1],
      updatedAtMs: startMs,
      strategy: 'asynchronous',
    };
    const failing = { ...contents.source, chunks: () => Promise.reject(new Error('gone')) };
    await expect(applier.apply({ records: [record], source: failing })).rejects.toThrow('gone');
    const lying = { ...contents.source, chunks: async () => [Uint8Array.of(9)] };
    const outcome = await applier.apply({ records: [record], source: lying });
    expect(outcome.refused[0]?.error.code).toBe('DW_CONTENT_MISMATCH');
    expect(await state()).toEqual([]);
    for await (const path of store.list('dw://content/')) expect(path).toBe('nothing');
  });

  it('takes no more concurrent versions of an object than sound nodes leave', async () => {
    const { applier, state } = await openNode();
    const records = Array.from(
      { length: 520 },
      (_, index): ObjectRecord => ({
        ...{ namespace: 'n', key: 'k', ...first, floor: undefined },
        version: { physicalMs: startMs, logical: index, nodeId: `n${index}` },
        ...{ payload: contents.references[0], updatedAtMs: startMs, strategy: 'asynchronous' },
      }),
    );
    const { refused } = await applier.apply({ records, source: contents.source });
    expect(refused).toHaveLength(8);
    expect(refused[0]?.error.code).toBe('DW_REPLICATION_TOO_MANY_SIBLINGS');
    expect(await state()).toHaveLength(512);
  });
});
