import assert from 'node:assert/strict';
import type {
  BackingStoreOperation,
  IPersistentBackingStore,
} from '../persistence/persistent-backing-store.js';
import { type ConformanceTest, defaultTimeLimitMs, prove } from './conformance.js';
import { assertAbsent, assertBytes, bytesOf } from './store-clause.js';
import { damageClauses } from './store-damage-clauses.js';
import { closingClauses, refusalClauses } from './store-life-clauses.js';
import { listingClauses } from './store-listing-clauses.js';
import { snapshotClauses } from './store-snapshot-clauses.js';
import { batchClauses, valueClauses } from './store-writing-clauses.js';

/** What {@link backingStoreConformance} needs. */
export interface BackingStoreConformanceOptions {
  /** Registers a test, such as `it` of vitest. */
  readonly test: ConformanceTest;
  /** Opens an empty store. Called once a test; the suite closes what it gets. */
  readonly open: () => Promise<IPersistentBackingStore>;
  /**
   * Opens again the medium of the store that `open` gave last, which has been closed. Needed where
   * the store claims more than `memory`.
   */
  readonly reopen?: () => Promise<IPersistentBackingStore>;
  /**
   * Damages the bytes stored at a path, and gives the store again: the same, or opened anew after
   * it was closed. Adds the clause on damaged values.
   */
  readonly damage?: (
    store: IPersistentBackingStore,
    path: string,
  ) => Promise<IPersistentBackingStore>;
  /**
   * Most time that a clause may take, in milliseconds.
   * @defaultValue 10000
   */
  readonly timeLimitMs?: number;
}

/** Registers one test per clause of the {@link IPersistentBackingStore} contract. */
export function backingStoreConformance(options: BackingStoreConformanceOptions): void {
  const { test, open, damage, timeLimitMs = defaultTimeLimitMs } = options;
  const clauses = {
    ...valueClauses,
    ...batchClauses,
    ...listingClauses,
    ...refusalClauses,
    ...closingClauses,
    ...snapshotClauses,
    ...(damage && damageClauses(damage)),
    'capabilities name a durability': async ({ capabilities }: IPersistentBackingStore) => {
      assert.ok(['memory', 'os', 'disk'].includes(capabilities.durability));
    },
    'what was acknowledged outlives close(), where the store claims it': async (
      store: IPersistentBackingStore,
    ) => {
      await proveDurability(store, options);
    },
  };
  for (const [name, clause] of Object.entries(clauses)) {
    test(name, () => prove(open, clause, timeLimitMs));
  }
}

/**
 * A process cannot kill itself and look: the suite proves what a clean end leaves. That `kill -9`
 * and a loss of power leave as much is for tests of the medium.
 */
async function proveDurability(
  store: IPersistentBackingStore,
  { reopen }: BackingStoreConformanceOptions,
): Promise<void> {
  const claim = store.capabilities.durability;
  if (claim === 'memory') return;
  assert.ok(reopen, `the store claims ${claim}: pass \`reopen\` to prove it`);
  const operation: BackingStoreOperation = { type: 'write', path: 'dw://b', data: bytesOf(2) };
  await store.write('dw://a', bytesOf(1), { durability: 'os' });
  await store.write('dw://gone', bytesOf(1));
  await store.batch([operation, { type: 'delete', path: 'dw://gone' }]);
  const inFlight = store.write('dw://c', bytesOf(3));
  await store.close();
  await inFlight;
  await using reopened = await reopen();
  assertBytes(await reopened.read('dw://a'), bytesOf(1));
  assertBytes(await reopened.read('dw://b'), bytesOf(2));
  assertBytes(await reopened.read('dw://c'), bytesOf(3));
  await assertAbsent(reopened, 'dw://gone');
}
