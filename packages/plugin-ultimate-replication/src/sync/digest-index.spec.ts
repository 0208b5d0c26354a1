import { DwError, silentLogger, storeError } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectPath } from '../objects/object-name.js';
import type { ObjectRecord } from '../objects/object-record.js';
import { ObjectTable } from '../objects/object-table.js';
import { emptyVector } from '../objects/version-vector.js';
import { createReplicationCounters } from '../scaling/replication-counters.js';
import { DigestIndex } from './digest-index.js';
import { digestOfVisible } from './record-digest.js';

const namespace = 'docs';

function recordOf(key: string, physicalMs: number, strategy = 'asynchronous'): ObjectRecord {
  const version = { physicalMs, logical: 0, nodeId: 'a' };

  return {
    namespace,
    key,
    version,
    context: emptyVector,
    floor: version,
    updatedAtMs: physicalMs,
    strategy,
  };
}

type Ending = 'durable' | 'failed' | 'durable, but said to have failed';

/** A table with an index over it, and writes as the plugin makes them. */
class Scene implements Disposable {
  readonly store = new MemoryBackingStore();
  readonly table: ObjectTable;
  readonly index: DigestIndex;

  constructor(maxBytes?: number) {
    const { store } = this;
    this.table = new ObjectTable({
      store,
      logger: silentLogger,
      counters: createReplicationCounters(),
    });
    this.index = this.newIndex(maxBytes);
    this.table.observer = this.index;
  }

  newIndex(maxBytes?: number): DigestIndex {
    const { table, store } = this;
    const digestOf = digestOfVisible(({ strategy }) => strategy !== 'local-only');
    return new DigestIndex({ table, store, digestOf, ...(maxBytes !== undefined && { maxBytes }) });
  }

  async write(record: ObjectRecord, ending: Ending = 'durable', pauses = 0): Promise<void> {
    const path = objectPath(record.namespace, record.key);
    const change = this.table.lock([path], async () => {
      const current = await this.table.readForChange(path);
      const operation = this.table.write([record], current ?? []);
      await turns(pauses);
      if (ending !== 'failed') await this.store.batch([operation]);
      await turns(pauses);
      if (ending !== 'durable') throw storeError('DW_STORE_IO');
    });
    await change.catch((error: unknown) => {
      if (!DwError.is(error, 'DW_STORE_IO')) throw error;
    });
  }

  async fill(count: number): Promise<void> {
    for (let key = 0; key < count; key += 1) await this.write(recordOf(`k${key}`, 1));
  }

  /** Whether the index has what a scan finds now. */
  async expectTrue(): Promise<void> {
    using other = this.newIndex();
    const [kept, made] = await Promise.all([this.index.tree(namespace), other.tree(namespace)]);
    expect(kept.root()).toEqual(made.root());
    expect(kept.children('')).toEqual(made.children(''));
  }

  [Symbol.dispose](): void {
    this.index[Symbol.dispose]();
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('DigestIndex', { timeout: 30_000 }, () => {
  it('keeps trees up to date with every write, and leaves out what may not leave', async () => {
    using scene = new Scene();
    await scene.fill(40);
    expect((await scene.index.tree(namespace)).count).toBe(40);
    await scene.write(recordOf('k1', 2));
    await scene.write(recordOf('new', 2));
    await scene.write(recordOf('secret', 2, 'local-only'));
    await scene.write(recordOf('k2', 3, 'local-only'));
    expect((await scene.index.tree(namespace)).count).toBe(40);
    await scene.expectTrue();
    expect(scene.index.statistics().treeCount).toBe(1);
  });

  it('is true whatever is written, and whatever fails, while a tree is made', async () => {
    const write = fc.record({
      key: fc.integer({ min: 0, max: 1_400 }),
      delay: fc.nat({ max: 12 }),
      pauses: fc.nat({ max: 3 }),
      ending: fc.constantFrom<Ending>(
        'durable',
        'durable',
        'durable',
        'failed',
        'durable, but said to have failed',
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 10, maxLength: 60 }), async (writes) => {
        using scene = new Scene();
        await scene.fill(1_200);
        const made = scene.index.tree(namespace).catch((error: unknown) => error);
        await Promise.all(
          writes.map(async ({ key, delay, pauses, ending }, at) => {
            await turns(delay);
            await scene.write(recordOf(`k${key}`, 2 + at), ending, pauses);
          }),
        );
        await made;
        await scene.expectTrue();
      }),
      { numRuns: 25 },
    );
  });

  it('makes a deeper tree when a namespace has outgrown its own', async () => {
    using scene = new Scene();
    await scene.fill(1);
    expect((await scene.index.tree(namespace)).depth).toBe(0);
    await scene.fill(400);
    expect((await scene.index.tree(namespace)).depth).toBe(2);
    await scene.expectTrue();
  });

  it('stays within its bytes, and makes again what it let go', async () => {
    using scene = new Scene(2_000);
    for (const one of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await scene.write({ ...recordOf('k', 1), namespace: one });
      await scene.index.tree(one);
    }
    expect(scene.index.statistics().treeBytes).toBeLessThanOrEqual(2_000);
    expect((await scene.index.tree('a')).count).toBe(1);
  });

  it('finds out by itself that a record is damaged', async () => {
    using scene = new Scene();
    await scene.fill(3);
    let foundCount = 0;
    scene.index.onDidFindDamage = () => {
      foundCount += 1;
    };
    await scene.index.tree(namespace);
    await scene.store.write(objectPath(namespace, 'k1'), Buffer.from('nonsense'));
    await scene.table.readForChange(objectPath(namespace, 'k1'));
    expect(foundCount).toBe(1);
    expect((await scene.index.tree(namespace)).count).toBe(2);
  });

  it('waits for the changes that are under way', async () => {
    using scene = new Scene();
    await scene.index.tree(namespace);
    const writing = scene.write(recordOf('k', 1), 'durable', 5);
    await turns(1);
    await scene.index.settle();
    expect((await scene.index.tree(namespace)).count).toBe(1);
    await writing;
  });
});
