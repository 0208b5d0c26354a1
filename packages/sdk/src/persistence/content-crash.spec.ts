import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedMutex } from '../concurrency/keyed-mutex.js';
import {
  contentOf,
  type Disk,
  dyingAfter,
  isReadable,
  pathsIn,
  range,
  slow,
} from '../testing/content-fixtures.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { MemoryContentMedium } from '../testing/memory-content-medium.js';
import { ContentStore } from './content-store.js';
import { CONTENT_CHUNK_BYTES, type PayloadReference } from './payload-reference.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';

describe('a ContentStore whose process dies at any write', () => {
  it.each([
    ['the store', () => undefined],
    ['a medium', () => new MemoryContentMedium({ maxSegmentBytes: 5 * CONTENT_CHUNK_BYTES })],
  ])(
    'in %s loses nothing that is referred to and leaves nothing else',
    async (_, openMedium) => {
      const seeds = [
        [1],
        [2],
        [1, 2],
        [1, 2, 3],
        range(1, 7),
        range(4, 20),
        range(1, 30),
        [1, 1, 1],
      ];
      const datas = seeds.map((some) => contentOf(some));
      const action = fc.record({
        kind: fc.constantFrom('put', 'put', 'release', 'move', 'clean', 'abandon'),
        item: fc.nat(datas.length - 1),
        owner: fc.constantFrom('x', 'y'),
      });
      const lives = fc.array(
        fc.record({
          dyingAfter: fc.nat(25),
          seed: fc.nat(),
          // What stands in one group runs at the same time.
          groups: fc.array(fc.array(action, { minLength: 1, maxLength: 3 }), { maxLength: 6 }),
        }),
        { minLength: 1, maxLength: 5 },
      );
      await fc.assert(
        fc.asyncProperty(lives, async (some) => {
          const disk: Disk = { store: new MemoryBackingStore(), medium: openMedium() };
          for (const life of some) {
            const mortal = dyingAfter(life.dyingAfter, disk);
            const store = slow(mortal.store, life.seed);
            const living = await opened({ store, medium: mortal.medium });
            const locks = new KeyedMutex();
            for (const group of life.groups) {
              await Promise.allSettled(
                group.map((step) =>
                  locks.run(step.kind === 'clean' ? 'clean' : `${step.item}`, () =>
                    act(living, store, datas, step),
                  ),
                ),
              );
            }
            await assertOwnedIsReadable(disk);
          }
          await releaseAll(disk);
          expect(await pathsIn(disk.store)).toEqual([]);
          expect((await disk.medium?.segments()) ?? []).toEqual([]);
        }),
        { numRuns: 100 },
      );
    },
    60_000,
  );
});

interface Step {
  readonly kind: string;
  readonly item: number;
  readonly owner: string;
}

/** Records who owns what beside the content, in the same batches, as a plugin would. */
async function act(
  living: ContentStore,
  store: IPersistentBackingStore,
  datas: readonly Uint8Array[],
  { kind, item, owner }: Step,
): Promise<void> {
  const recordPath = (of: string): string => `dw://records/${item}-${of}`;
  const recorded = async (of: string): Promise<PayloadReference | undefined> => {
    const data = await store.read(recordPath(of));
    return data && (JSON.parse(Buffer.from(data).toString()) as PayloadReference);
  };
  if (kind === 'clean') await living.clean();
  if (kind === 'put' || kind === 'abandon') {
    using staged = await living.stage(datas[item] ?? new Uint8Array(), {
      owner: `${item}-${owner}`,
    });
    if (kind === 'abandon') return;
    const data = Buffer.from(JSON.stringify(staged.reference));
    await store.batch([...staged.operations, { type: 'write', path: recordPath(owner), data }]);
  }
  const reference = kind === 'release' || kind === 'move' ? await recorded(owner) : undefined;
  if (reference === undefined) return;
  const released = living.release(reference, `${item}-${owner}`);
  const unrecord = { type: 'delete' as const, path: recordPath(owner) };
  if (kind === 'release') {
    await store.batch([...released, unrecord]);
    return;
  }
  const data = Buffer.from(JSON.stringify(reference));
  await store.batch([
    ...living.retain(reference, `${item}-z`),
    { type: 'write', path: recordPath('z'), data },
    ...released,
    unrecord,
  ]);
}

async function assertOwnedIsReadable(disk: Disk): Promise<void> {
  const reader = await opened(disk);
  for await (const { data } of disk.store.scan('dw://records/')) {
    const reference = JSON.parse(Buffer.from(data).toString()) as PayloadReference;
    expect(await isReadable(reader, reference)).toBe(true);
  }
}

async function releaseAll(disk: Disk): Promise<void> {
  const living = await opened(disk);
  for await (const { path, data } of disk.store.scan('dw://records/')) {
    const reference = JSON.parse(Buffer.from(data).toString()) as PayloadReference;
    await disk.store.batch([
      ...living.release(reference, path.slice('dw://records/'.length)),
      { type: 'delete', path },
    ]);
  }
  await living.clean();
}

/** What a process finds, which is not the one that wrote it. */
function opened({ store, medium }: Disk): Promise<ContentStore> {
  return ContentStore.open({ store, ...(medium && { medium: medium.reopen() }) });
}
