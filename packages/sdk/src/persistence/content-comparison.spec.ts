import { beforeEach, describe, expect, it } from 'vitest';
import { contentOf, range } from '../testing/content-fixtures.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import type { ContentComparison, ContentSide } from './content-options.js';
import { ContentStore } from './content-store.js';
import { CONTENT_CHUNK_BYTES, type PayloadReference } from './payload-reference.js';

let store: MemoryBackingStore;
let content: ContentStore;
let reference: PayloadReference;
const data = contentOf(range(1, 40), 1_000);
const other = Buffer.from(data);
const differsAt = 17 * CONTENT_CHUNK_BYTES + 123;
other[differsAt] = 255 - (other[differsAt] ?? 0);

beforeEach(async () => {
  store = new MemoryBackingStore();
  content = await ContentStore.open({ store });
  reference = await content.put(data, { owner: 'a' });
});

async function* stream(bytes: Uint8Array, pieceBytes = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function listOf(of: PayloadReference): Promise<ContentSide> {
  return { chunkDigests: await content.chunkDigests(of), sizeBytes: of.sizeBytes };
}

/** Compares both ways round. */
async function compared(a: ContentSide, b: ContentSide): Promise<ContentComparison> {
  const result = await content.compare(a, b);
  if (a instanceof Uint8Array || !(Symbol.asyncIterator in a)) {
    if (b instanceof Uint8Array || !(Symbol.asyncIterator in b)) {
      expect(await content.compare(b, a)).toEqual(result);
    }
  }
  return result;
}

describe('compare of a ContentStore', () => {
  it('decides by root digests alone where both sides have one, and reads nothing', async () => {
    const changed = await content.put(other, { owner: 'b' });
    const reads = content.statistics().chunkReads;
    const equal = { isEqual: true, decidedBy: 'rootDigests', bytesRead: 0 };
    expect(await compared(reference, { ...reference })).toMatchObject(equal);
    expect(await compared(reference, changed)).toEqual({
      ...{ isEqual: false, decidedBy: 'rootDigests', bytesRead: 0 },
      firstDifferenceBytes: undefined,
    });
    expect(content.statistics().chunkReads).toBe(reads);
  });

  it('needs neither side here for that', async () => {
    const elsewhere = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 5 };
    expect(await compared(elsewhere, { ...elsewhere })).toMatchObject({ isEqual: true });
    expect(await compared(elsewhere, reference)).toMatchObject({ isEqual: false });
  });

  it('goes to the digest lists where one side has just that, and reads no payload', async () => {
    const changed = await content.put(other, { owner: 'b' });
    const reads = content.statistics().chunkReads;
    expect(await compared(reference, await listOf(reference))).toEqual({
      ...{ isEqual: true, decidedBy: 'digestLists', bytesRead: 0 },
      firstDifferenceBytes: undefined,
    });
    expect(await compared(await listOf(changed), reference)).toEqual({
      ...{ isEqual: false, decidedBy: 'digestLists', bytesRead: 0 },
      firstDifferenceBytes: 17 * CONTENT_CHUNK_BYTES,
    });
    const shorter = await content.put(data.subarray(0, 200_000), { owner: 'c' });
    expect(await compared(await listOf(shorter), reference)).toMatchObject({
      ...{ isEqual: false, firstDifferenceBytes: 3 * CONTENT_CHUNK_BYTES },
    });
    expect(content.statistics().chunkReads).toBe(reads);
  });

  it('reads bytes where nobody has digests of them, and no stored ones', async () => {
    const reads = content.statistics().chunkReads;
    for (const source of [data, stream(data)]) {
      expect(await compared(source, reference)).toEqual({
        ...{ isEqual: true, decidedBy: 'bytes', bytesRead: data.length },
        firstDifferenceBytes: undefined,
      });
    }
    expect(await compared(await listOf(reference), stream(data))).toMatchObject({ isEqual: true });
    expect(content.statistics().chunkReads).toBe(reads);
  });

  it('stops reading bytes soon after the first difference', async () => {
    let pulled = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled += 65_536;
        yield new Uint8Array(65_536);
      }
    };
    const result = await content.compare(endless(), reference);
    expect(result).toMatchObject({ isEqual: false, decidedBy: 'bytes', firstDifferenceBytes: 0 });
    expect(result.bytesRead).toBeLessThan(100_000);
    expect(pulled).toBeLessThan(8 * 1_048_576);
    expect(await compared(other, reference)).toMatchObject({
      ...{ isEqual: false, firstDifferenceBytes: 17 * CONTENT_CHUNK_BYTES },
    });
  });

  it('tells longer and shorter bytes apart from stored content', async () => {
    for (const [bytes, at] of [
      [data.subarray(0, data.length - 1), 39 * CONTENT_CHUNK_BYTES],
      [Buffer.concat([data, Buffer.of(0)]), 39 * CONTENT_CHUNK_BYTES],
      [data.subarray(0, 39 * CONTENT_CHUNK_BYTES), 39 * CONTENT_CHUNK_BYTES],
      [new Uint8Array(0), 0],
    ] as const) {
      const result = await compared(bytes, reference);
      expect(result).toMatchObject({ isEqual: false, firstDifferenceBytes: at });
    }
  });

  it('compares bytes with bytes in whatever pieces they come', async () => {
    expect(await compared(stream(data, 70_000), stream(data, 33_333))).toEqual({
      ...{ isEqual: true, decidedBy: 'bytes', bytesRead: 2 * data.length },
      firstDifferenceBytes: undefined,
    });
    expect(await compared(data, stream(other))).toMatchObject({
      ...{ isEqual: false, decidedBy: 'bytes', firstDifferenceBytes: differsAt },
    });
    expect(await compared(data, data.subarray(0, 5))).toMatchObject({
      ...{ isEqual: false, firstDifferenceBytes: 5 },
    });
    expect(await compared(new Uint8Array(0), stream(data.subarray(0, 0)))).toMatchObject({
      isEqual: true,
    });
  });

  it('finds the first byte that differs when asked to, by reading one chunk of each', async () => {
    const changed = await content.put(other, { owner: 'b' });
    expect(await content.compare(reference, changed, { locate: true })).toEqual({
      ...{ isEqual: false, decidedBy: 'rootDigests', bytesRead: 2 * CONTENT_CHUNK_BYTES },
      firstDifferenceBytes: differsAt,
    });
    const longer = await content.put(Buffer.concat([data, data]), { owner: 'c' });
    expect(await content.compare(reference, longer, { locate: true })).toMatchObject({
      firstDifferenceBytes: data.length,
    });
  });

  it('refuses references and lists that contradict themselves', async () => {
    const lying = { ...reference, sizeBytes: reference.sizeBytes + 1 };
    const list = { chunkDigests: ['0'], sizeBytes: 5 };
    for (const side of [lying, list]) {
      await expect(content.compare(reference, side)).rejects.toMatchObject({
        code: 'DW_CONTENT_BAD_REFERENCE',
      });
    }
  });

  it('stops when aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(content.compare(data, reference, { signal })).rejects.toThrow('enough');
  });
});

describe('ownerCount of a ContentStore', () => {
  it('counts who refers to content', async () => {
    await content.put(data, { owner: 'b' });
    expect(await content.ownerCount(reference)).toBe(2);
    await store.batch(content.release(reference, 'a'));
    expect(await content.ownerCount(reference)).toBe(1);
  });
});
