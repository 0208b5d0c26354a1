import type { BackingStoreOperation, IPersistentBackingStore } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import type { ObjectRecord } from '../objects/object-record.js';
import { recordPath } from '../objects/object-record.js';
import { encodeState } from '../objects/object-state.js';
import { emptyVector } from '../objects/version-vector.js';

/** Deleted objects of one namespace, `k0` and on, as a node stores them. */
export function* manyRecords(count: number, nodeId = 'origin'): Generator<ObjectRecord> {
  for (let index = 0; index < count; index += 1) {
    const version = { physicalMs: 1_700_000_000_000 + index, logical: 0, nodeId };
    yield {
      ...{ namespace: 'docs', key: `k${index}`, version, context: emptyVector, floor: version },
      updatedAtMs: 1_700_000_000_000 + index,
      strategy: 'asynchronous',
    };
  }
}

/** Stores records as they are, without a log. */
async function storeRecords(
  store: IPersistentBackingStore,
  records: Iterable<ObjectRecord>,
): Promise<void> {
  let operations: BackingStoreOperation[] = [];
  const flush = async (): Promise<void> => {
    await store.batch(operations);
    operations = [];
  };
  for (const record of records) {
    operations.push({ type: 'write', path: recordPath(record), data: encodeState([record]) });
    if (operations.length === 1_000) await flush();
  }
  await flush();
}

/** A store with records. */
export async function mediumWith(records: Iterable<ObjectRecord>): Promise<MemoryBackingStore> {
  const store = new MemoryBackingStore();
  await storeRecords(store, records);
  return store;
}
