import { beforeEach, describe, expect, it } from 'vitest';
import { contentOf, isReadable, pathsIn, range } from '../testing/content-fixtures.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { MemoryContentMedium } from '../testing/memory-content-medium.js';
import { decodeLocation, encodeLocation } from './content-medium.js';
import { ContentStore } from './content-store.js';
import { CONTENT_CHUNK_BYTES, type PayloadReference } from './payload-reference.js';
import { storePath } from './store-path.js';

let store: MemoryBackingStore;
let medium: MemoryContentMedium;
let content: ContentStore;

beforeEach(async () => {
  store = new MemoryBackingStore();
  medium = new MemoryContentMedium({ maxSegmentBytes: 8 * CONTENT_CHUNK_BYTES });
  content = await ContentStore.open({ store, medium });
});

async function mediumBytes(): Promise<number> {
  let bytes = 0;
  for (const segment of await medium.segments()) bytes += await medium.sizeOf(segment);
  return bytes;
}

async function storedBytes(): Promise<number> {
  let bytes = 0;
  for await (const { data } of store.scan('dw://')) bytes += data.byteLength;
  return bytes;
}

/** What is there after a restart, once no stage is under way and no segment is active. */
async function restart(): Promise<void> {
  medium = medium.reopen();
  content = await ContentStore.open({ store, medium });
}

async function locationOf(reference: PayloadReference, index: number) {
  const chunk = (await content.chunkDigests(reference))[index] ?? '';
  const location = decodeLocation(
    (await store.read(storePath('content', 'chunks', chunk))) ?? Buffer.of(),
  );
  if (location === undefined) throw new Error('not on the medium');
  return { chunk, location };
}

describe('a ContentStore over a medium', () => {
  it('keeps small content in the store, and only the places of large content', async () => {
    const small = await content.put(contentOf([1], 32_768), { owner: 'a' });
    expect(await mediumBytes()).toBe(0);
    const before = await storedBytes();
    const large = await content.put(contentOf(range(2, 40)), { owner: 'a' });
    expect(await mediumBytes()).toBe(40 * CONTENT_CHUNK_BYTES);
    expect((await storedBytes()) - before).toBeLessThan(40 * 200);
    expect(await isReadable(content, small)).toBe(true);
    expect(await isReadable(content, large)).toBe(true);
  });

  it('writes equal chunks once, wherever they are', async () => {
    await content.put(contentOf([1, 2, 1, 2, 3]), { owner: 'a' });
    await content.put(contentOf([2, 3, 4]), { owner: 'b' });
    await content.put(contentOf([4]), { owner: 'c' });
    expect(await mediumBytes()).toBe(4 * CONTENT_CHUNK_BYTES);
  });

  it('serves any byte range', async () => {
    const data = contentOf(range(1, 12), 100);
    const reference = await content.put(data, { owner: 'a' });
    for (const [start, end] of [
      [0, 1],
      [65_535, 65_537],
      [200_000, 500_000],
      [720_000, 720_996],
    ] as const) {
      const pieces: Uint8Array[] = [];
      for await (const piece of content.open(reference, { start, end })) pieces.push(piece);
      expect(Buffer.concat(pieces).equals(data.subarray(start, end))).toBe(true);
    }
  });

  it('finds damage on the medium, names chunk and content, and heals', async () => {
    const data = contentOf(range(1, 12));
    const reference = await content.put(data, { owner: 'a' });
    const { chunk, location } = await locationOf(reference, 5);
    medium.damage(location);
    const error = { code: 'DW_CONTENT_CORRUPT', details: { chunk, digest: reference.digest } };
    await expect(isReadable(content, reference)).rejects.toMatchObject(error);
    await expect(content.readChunk(chunk)).rejects.toMatchObject(error);
    await expect(content.readChunk(chunk)).rejects.toThrow(reference.digest);
    expect(await content.missing([chunk])).toEqual([chunk]);
    await content.put(data, { owner: 'a' });
    expect(await isReadable(content, reference)).toBe(true);
  });

  it('tells a segment that is gone', async () => {
    const reference = await content.put(contentOf(range(1, 12)), { owner: 'a' });
    const { chunk, location } = await locationOf(reference, 3);
    await medium.remove(location.segment);
    await expect(content.readChunk(chunk)).rejects.toMatchObject({ code: 'DW_CONTENT_CORRUPT' });
  });

  it('takes content that looks like the place of a chunk for what it is', async () => {
    const data = encodeLocation({ segment: 'none', offset: 0, sizeBytes: 10 });
    const reference = await content.put(data, { owner: 'a' });
    expect(await isReadable(content, reference)).toBe(true);
    await store.batch(content.release(reference, 'a'));
    expect(await content.clean()).toMatchObject({ removedBytes: data.byteLength });
    expect(await pathsIn(store)).toEqual([]);
  });

  it('reads, shares and cleans up what the store took in before it had a medium', async () => {
    const old = await ContentStore.open({ store });
    const data = contentOf(range(1, 12), 100);
    const reference = await old.put(data, { owner: 'a' });
    await old.close();
    expect(await isReadable(content, reference)).toBe(true);
    await content.put(contentOf([...range(1, 11), 50]), { owner: 'b' });
    expect(await mediumBytes()).toBe(CONTENT_CHUNK_BYTES);
    await store.batch(content.release(reference, 'a'));
    // Its last chunk is a short one.
    expect(await content.clean()).toMatchObject({ removedChunks: 1 });
  });

  it('closes the medium with itself', async () => {
    await content.close();
    await expect(medium.segments()).rejects.toMatchObject({ code: 'DW_STORE_CLOSED' });
  });
});

describe('clean of a ContentStore over a medium', () => {
  it('removes segments that hold nothing, and moves what little is left of others', async () => {
    const gone = await content.put(contentOf(range(1, 16)), { owner: 'a' });
    const kept = await content.put(contentOf([...range(3, 3), ...range(100, 7)]), { owner: 'b' });
    await store.batch(content.release(gone, 'a'));
    await restart();
    const before = await mediumBytes();
    const { removedChunks, reclaimedBytes } = await content.clean();
    expect(removedChunks).toBe(13);
    expect(reclaimedBytes).toBe(before - (await mediumBytes()));
    expect(reclaimedBytes).toBeGreaterThan(10 * CONTENT_CHUNK_BYTES);
    // Ten are needed, and less than twice as much is left.
    expect(await mediumBytes()).toBeLessThan(20 * CONTENT_CHUNK_BYTES);
    expect(await isReadable(content, kept)).toBe(true);
    await store.batch(content.release(kept, 'b'));
    await content.clean();
    await restart();
    await content.clean();
    expect(await medium.segments()).toEqual([]);
    expect(await pathsIn(store)).toEqual([]);
  });

  it('leaves a segment as it is while most of it is needed', async () => {
    const gone = await content.put(contentOf(range(1, 3)), { owner: 'a' });
    await content.put(contentOf(range(4, 5)), { owner: 'b' });
    await store.batch(content.release(gone, 'a'));
    await restart();
    expect(await content.clean()).toMatchObject({ removedChunks: 3, reclaimedBytes: 0 });
    expect((await pathsIn(store)).filter((path) => path.includes('/dirty/'))).toEqual([]);
  });

  it('keeps a segment with a damaged chunk that somebody refers to', async () => {
    const gone = await content.put(contentOf(range(1, 7)), { owner: 'a' });
    const kept = await content.put(contentOf([50, 7]), { owner: 'b' });
    const { location } = await locationOf(kept, 0);
    medium.damage(location);
    await store.batch(content.release(gone, 'a'));
    await restart();
    await content.clean();
    expect(await medium.segments()).toContain(location.segment);
    await expect(isReadable(content, kept)).rejects.toMatchObject({ code: 'DW_CONTENT_CORRUPT' });
  });

  it('removes segments of a stage that died before the index had them', async () => {
    await medium.append([{ digest: '0'.repeat(64), data: new Uint8Array(100) }]);
    expect(await content.clean()).toMatchObject({ reclaimedBytes: 0 });
    await restart();
    expect(await content.clean()).toMatchObject({ reclaimedBytes: 100 });
  });

  it('spares the segments of a stage under way', async () => {
    let proceed: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield contentOf(range(1, 200));
      await paused;
      yield contentOf([201]);
    };
    const staging = content.stage(source(), { owner: 'a' });
    while ((await medium.segments()).length < 3) await new Promise(setImmediate);
    await content.clean();
    proceed();
    using staged = await staging;
    await store.batch(staged.operations);
    expect(await isReadable(content, staged.reference)).toBe(true);
  });

  it('lets readers go on while it moves what they read', async () => {
    const gone = await content.put(contentOf(range(1, 64)), { owner: 'a' });
    const kept = await content.put(contentOf(range(1, 64).filter((seed) => seed % 4 === 0)), {
      owner: 'b',
    });
    await store.batch(content.release(gone, 'a'));
    await restart();
    let readCount = 0;
    for await (const piece of content.open(kept)) {
      if (piece.byteLength > 0 && ++readCount === 2) await content.clean();
    }
    expect(readCount).toBe(16);
    expect(await mediumBytes()).toBe(16 * CONTENT_CHUNK_BYTES);
  });
});
