import type { ContentStore } from '../persistence/content-store.js';
import { existsMany } from '../persistence/exists-many.js';
import { CONTENT_CHUNK_BYTES, type PayloadReference } from '../persistence/payload-reference.js';
import type { IPersistentBackingStore } from '../persistence/persistent-backing-store.js';
import { FaultyBackingStore } from './faulty-backing-store.js';
import type { MemoryContentMedium } from './memory-content-medium.js';

const chunkBytes = CONTENT_CHUNK_BYTES;

/** Content of one chunk a seed; equal seeds give equal chunks. */
export function contentOf(seeds: readonly number[], lastBytes = chunkBytes): Uint8Array {
  const data = Buffer.alloc(seeds.length * chunkBytes);
  for (const [index, seed] of seeds.entries()) data.writeUInt32BE(seed, index * chunkBytes);
  return data.subarray(0, data.length - chunkBytes + lastBytes);
}

/** Seeds that follow one another. */
export const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index);

/** Everything that a store has. */
export async function pathsIn(store: IPersistentBackingStore): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of store.list('dw://')) paths.push(path);
  return paths;
}

/** Reads content through, which verifies it. */
export async function isReadable(
  from: ContentStore,
  reference: PayloadReference,
): Promise<boolean> {
  let sizeBytes = 0;
  for await (const piece of from.open(reference)) sizeBytes += piece.length;
  return sizeBytes === reference.sizeBytes;
}

/** What outlives a process. */
export interface Disk {
  readonly store: IPersistentBackingStore;
  readonly medium: MemoryContentMedium | undefined;
}

/** A disk whose process dies after some more writes: everything later is refused. */
export function dyingAfter(writes: number, { store: inner, medium: below }: Disk): Disk {
  const store = new FaultyBackingStore(inner);
  const medium = below?.reopen();
  let left = writes;
  const orDied =
    <A extends unknown[], R>(call: (...parameters: A) => Promise<R>) =>
    async (...parameters: A): Promise<R> => {
      left -= 1;
      if (left < 0) throw new Error('died');
      return call(...parameters);
    };
  store.batch = orDied(store.batch.bind(store));
  if (medium !== undefined) {
    medium.append = orDied(medium.append.bind(medium));
    medium.remove = orDied(medium.remove.bind(medium));
  }
  return { store, medium };
}

/** A store whose answers take a different time each, so that calls overlap in many ways. */
export function slow(inner: IPersistentBackingStore, seed: number): IPersistentBackingStore {
  let state = seed + 1;
  const wait = async (): Promise<void> => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 1;
    for (let turns = (state >>> 8) % 4; turns > 0; turns -= 1) await new Promise(setImmediate);
  };
  const around =
    <A extends unknown[], R>(call: (...parameters: A) => Promise<R>) =>
    async (...parameters: A): Promise<R> => {
      await wait();
      const result = await call(...parameters);
      await wait();
      return result;
    };
  return Object.assign(Object.create(inner) as IPersistentBackingStore, {
    read: around(inner.read.bind(inner)),
    exists: around(inner.exists.bind(inner)),
    existsMany: around((paths: readonly string[]) => existsMany(inner, paths)),
    batch: around(inner.batch.bind(inner)),
    write: around(inner.write.bind(inner)),
    delete: around(inner.delete.bind(inner)),
    list: async function* (...parameters: Parameters<typeof inner.list>) {
      await wait();
      const paths: string[] = [];
      for await (const path of inner.list(...parameters)) paths.push(path);
      await wait();
      yield* paths;
    },
    scan: inner.scan.bind(inner),
  });
}
