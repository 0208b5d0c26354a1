import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';
import { storePath } from './store-path.js';
import { WriteAheadLog } from './write-ahead-log.js';

const paths = { path: storePath('test', 'wal'), offsetsPath: storePath('test', 'offsets') };

/** A store whose process dies at a write, which may have happened all the same. */
function dyingAfter(
  writes: number,
  isLastApplied: boolean,
  inner: IPersistentBackingStore,
): IPersistentBackingStore {
  const store = new FaultyBackingStore(inner);
  const batch = store.batch.bind(store);
  let left = writes;
  store.batch = async (...parameters) => {
    left -= 1;
    if (left >= 0 || (left === -1 && isLastApplied)) await batch(...parameters);
    if (left < 0) throw new Error('died');
  };
  return store;
}

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ acknowledge: fc.nat(100), id: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ register: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ trim: fc.constant(true) }) },
);

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const lives = fc.array(
  fc.record({
    dyingAfter: fc.nat(20),
    isLastApplied: fc.boolean(),
    // What stands in one group runs at the same time.
    groups: fc.array(fc.array(action, { minLength: 1, maxLength: 5 }), { maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 6 },
);

/** What outlives the process of a caller: which entries were acknowledged, and what was offered. */
interface Seen {
  readonly acknowledged: Map<number, string>;
  readonly offered: Set<string>;
  /** Sequences that were given to two entries. */
  readonly repeated: number[];
}

async function act(log: WriteAheadLog, seen: Seen, some: Action): Promise<void> {
  if ('append' in some) {
    const appends = Array.from({ length: some.append }, async () => {
      const name = `entry ${seen.offered.size}`;
      seen.offered.add(name);
      const { sequence } = await log.append(Buffer.from(name));
      if (seen.acknowledged.has(sequence)) seen.repeated.push(sequence);
      seen.acknowledged.set(sequence, name);
    });
    await Promise.allSettled(appends);
  } else if ('acknowledge' in some) {
    const sequence = Math.floor((log.headSequence * some.acknowledge) / 100);
    await log.acknowledge(some.id, { epoch: log.epoch, sequence });
  } else if ('register' in some) await log.registerConsumer(some.register);
  else if ('remove' in some) await log.removeConsumer(some.remove);
  else await log.trim();
}

async function assertWhole(log: WriteAheadLog, seen: Seen): Promise<void> {
  expect(seen.repeated).toEqual([]);
  const known = Math.max(0, ...seen.acknowledged.keys());
  expect(log.headSequence).toBeGreaterThanOrEqual(known);
  const names = new Set<string>();
  for (let from = log.tailSequence; from <= log.headSequence; ) {
    for (const { sequence, data } of await log.read(from, { limitEntries: 7 })) {
      expect(sequence).toBe(from);
      const name = Buffer.from(data).toString();
      expect(name).toBe(seen.acknowledged.get(sequence) ?? name);
      expect(seen.offered.has(name) && !names.has(name)).toBe(true);
      names.add(name);
      // What is there now has been seen: it may not change any more.
      seen.acknowledged.set(sequence, name);
      from += 1;
    }
  }
  for (const { isTruncated, position, lagEntries } of log.consumers()) {
    expect(isTruncated).toBe(false);
    expect(lagEntries).toBe(log.headSequence - position.sequence);
  }
}

describe('LogWriter', () => {
  it('loses, repeats and reorders nothing that was acknowledged, whatever dies when', async () => {
    await fc.assert(
      fc.asyncProperty(lives, async (some) => {
        const disk = new MemoryBackingStore();
        const clock = new ManualClock();
        const seen: Seen = { acknowledged: new Map(), offered: new Set(), repeated: [] };
        const { epoch } = await WriteAheadLog.open({ ...paths, store: disk, clock });
        for (const life of some) {
          const store = dyingAfter(life.dyingAfter, life.isLastApplied, disk);
          const log = await WriteAheadLog.open({ ...paths, store, clock });
          for (const group of life.groups) {
            await Promise.allSettled(group.map((step) => act(log, seen, step)));
          }
          await log.close();
          const reopened = await WriteAheadLog.open({ ...paths, store: disk, clock });
          expect(reopened.epoch).toBe(epoch);
          await assertWhole(reopened, seen);
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);
});
