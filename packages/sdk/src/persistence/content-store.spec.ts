import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { ContentStore } from './content-store.js';
import {
  CONTENT_CHUNK_BYTES,
  type PayloadReference,
  payloadReferenceOf,
} from './payload-reference.js';
import { storePath } from './store-path.js';

const chunkBytes = CONTENT_CHUNK_BYTES;
let memory: MemoryBackingStore;
let store: FaultyBackingStore;
let content: ContentStore;

/** Bytes that differ from chunk to chunk, and from seed to seed. */
function bytes(length: number, seed = 1): Uint8Array {
  const data = Buffer.alloc(length, `seed ${seed}`);
  for (let at = 0; at + 8 <= length; at += chunkBytes) data.writeUInt32BE(at + seed, at);
  return data;
}

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

async function* pieces(data: Uint8Array, size = 50_001): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

async function readAll(reference: PayloadReference, range = {}): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of content.open(reference, range)) parts.push(part);
  return Buffer.concat(parts);
}

function chunksIn(data: Uint8Array): Map<string, Uint8Array> {
  const chunks = new Map<string, Uint8Array>();
  for (let at = 0; at < data.length; at += chunkBytes) {
    const chunk = data.subarray(at, at + chunkBytes);
    chunks.set(sha256(chunk), chunk);
  }
  return chunks;
}

async function pathsBelow(prefix: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of memory.list(prefix)) paths.push(path);
  return paths;
}

async function damage(digest: string): Promise<void> {
  const path = storePath('content', 'chunks', digest);
  const data = (await memory.read(path)) ?? new Uint8Array();
  data[0] = (data[0] ?? 0) ^ 1;
  await memory.write(path, data);
}

beforeEach(async () => {
  memory = new MemoryBackingStore();
  store = new FaultyBackingStore(memory);
  content = await ContentStore.open({ store });
});

describe('ContentStore', () => {
  it.each([0, 1, chunkBytes, chunkBytes + 1, 256 * 1024, 256 * 1024 + 1, 1_500_000])(
    'returns the %i bytes that it was given, as a whole and by range',
    async (length) => {
      const data = bytes(length);
      const reference = await content.put(pieces(data), { owner: 'a' });
      const digests = [...chunksIn(data).keys()];
      expect(reference).toEqual(payloadReferenceOf(digests, length));
      expect(await content.has(reference)).toBe(true);
      expect(await content.chunkDigests(reference)).toEqual(digests);
      expect((await readAll(reference)).equals(data)).toBe(true);
      expect(await readAll(reference, { start: length })).toHaveLength(0);
      const start = Math.floor(length / 3);
      const end = Math.floor(length / 2);
      const range = await readAll(reference, { start, end });
      expect(range.equals(data.subarray(start, end))).toBe(true);
    },
  );

  it('leaves small content to the operations of one batch', async () => {
    const data = bytes(256 * 1024);
    using staged = await content.stage(data, { owner: 'record' });
    expect(store.batches).toHaveLength(0);
    expect(await content.has(staged.reference)).toBe(false);
    await store.batch(staged.operations);
    expect((await readAll(staged.reference)).equals(data)).toBe(true);
  });

  it('keeps equal chunks once', async () => {
    const reference = await content.put(new Uint8Array(chunkBytes * 40), { owner: 'zeros' });
    expect(await pathsBelow('dw://content/chunks/')).toHaveLength(1);
    expect(content.statistics()).toMatchObject({ chunkWrites: 1, bytesWritten: chunkBytes });
    expect((await readAll(reference)).equals(Buffer.alloc(chunkBytes * 40))).toBe(true);
    const data = bytes(1_000_000);
    await content.put(data, { owner: 'a' });
    const before = content.statistics();
    await content.put(data, { owner: 'b' });
    expect(content.statistics()).toEqual(before);
  });

  it('writes long content in bounded batches', async () => {
    await content.put(pieces(bytes(10_000_000)), { owner: 'a' });
    const sizes = store.batches.map((operations) =>
      operations.reduce(
        (sum, operation) => sum + (operation.type === 'write' ? operation.data.length : 0),
        0,
      ),
    );
    expect(Math.max(...sizes)).toBeLessThan(1_100_000);
  });

  it('copies what it is given', async () => {
    const shared = Buffer.alloc(100_000);
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 20; index += 1) yield shared.fill(index);
    };
    const reference = await content.put(source(), { owner: 'a' });
    const expected = Buffer.concat(Array.from({ length: 20 }, (_, i) => Buffer.alloc(100_000, i)));
    expect((await readAll(reference)).equals(expected)).toBe(true);
  });

  it('refuses content over the limit as soon as it is known', async () => {
    let pulled = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled += 1;
        yield bytes(chunkBytes, pulled);
      }
    };
    await expect(
      content.put(endless(), { owner: 'a', maxBytes: 5 * chunkBytes }),
    ).rejects.toMatchObject({ code: 'DW_CONTENT_TOO_LARGE' });
    expect(pulled).toBe(6);
  });

  it('refuses ranges outside the content', async () => {
    const reference = await content.put(bytes(100), { owner: 'a' });
    for (const range of [{ start: -1 }, { end: 101 }, { start: 60, end: 50 }, { start: 0.5 }]) {
      await expect(readAll(reference, range)).rejects.toMatchObject({ code: 'DW_CONTENT_RANGE' });
    }
  });

  it('refuses references that are malformed or of another size', async () => {
    const small = await content.put(bytes(100), { owner: 'a' });
    const large = await content.put(bytes(200_000), { owner: 'a' });
    const bad = [
      { ...small, sizeBytes: 99 },
      { ...large, sizeBytes: 200_001 },
      { ...large, sizeBytes: 300_000 },
      { digest: '../../etc/passwd', sizeBytes: 1 },
    ];
    for (const reference of bad) {
      await expect(readAll(reference)).rejects.toMatchObject({ code: 'DW_CONTENT_BAD_REFERENCE' });
    }
    await expect(content.readChunk('..')).rejects.toMatchObject({
      code: 'DW_CONTENT_BAD_REFERENCE',
    });
  });

  it('tells of content that it does not have', async () => {
    for (const length of [10, 100_000]) {
      const reference = payloadReferenceOf([...chunksIn(bytes(length)).keys()], length);
      expect(await content.has(reference)).toBe(false);
      await expect(readAll(reference)).rejects.toMatchObject({ code: 'DW_CONTENT_NOT_FOUND' });
      await expect(content.chunkDigests(reference)).rejects.toMatchObject({
        code: 'DW_CONTENT_NOT_FOUND',
      });
    }
    await expect(content.readChunk('0'.repeat(64))).rejects.toMatchObject({
      code: 'DW_CONTENT_NOT_FOUND',
    });
  });

  it('serves no damaged byte, names what is damaged, and heals by being given it again', async () => {
    const data = bytes(200_000);
    const reference = await content.put(data, { owner: 'a' });
    const second = (await content.chunkDigests(reference))[1] ?? '';
    await damage(second);
    expect(await content.missing([second])).toEqual([]);
    await expect(readAll(reference)).rejects.toMatchObject({
      code: 'DW_CONTENT_CORRUPT',
      details: { chunk: second, digest: reference.digest },
    });
    expect((await readAll(reference, { end: chunkBytes })).length).toBe(chunkBytes);
    expect(await content.missing([second])).toEqual([second]);
    await content.put(data, { owner: 'a' });
    expect((await readAll(reference)).equals(data)).toBe(true);
  });

  it('notices a damaged chunk list, and mends it when given the content again', async () => {
    const data = bytes(200_000);
    const reference = await content.put(data, { owner: 'a' });
    const path = storePath('content', 'lists', reference.digest);
    const list = (await memory.read(path)) ?? new Uint8Array();
    list[40] = (list[40] ?? 0) ^ 1;
    await memory.write(path, list);
    await expect(readAll(reference)).rejects.toMatchObject({ code: 'DW_CONTENT_CORRUPT' });
    await content.put(data, { owner: 'a' });
    expect((await readAll(reference)).equals(data)).toBe(true);
  });

  it('does the same where the store itself calls values damaged', async () => {
    const data = bytes(200_000);
    const reference = await content.put(data, { owner: 'a' });
    const first = (await content.chunkDigests(reference))[0] ?? '';
    store.damage(storePath('content', 'chunks', first));
    await expect(readAll(reference)).rejects.toMatchObject({
      code: 'DW_CONTENT_CORRUPT',
      details: { chunk: first },
    });
    expect(await content.missing([first])).toEqual([first]);
    store.damage(storePath('content', 'lists', reference.digest));
    await expect(content.chunkDigests(reference)).rejects.toMatchObject({
      code: 'DW_CONTENT_CORRUPT',
    });
    await content.put(data, { owner: 'a' });
    expect((await readAll(reference)).equals(data)).toBe(true);
  });

  it('passes on what a source throws and what a signal says, and leaves nothing to read', async () => {
    const data = bytes(10_000_000);
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield* pieces(data);
      throw new Error('source failed');
    };
    await expect(content.put(failing(), { owner: 'a' })).rejects.toThrow('source failed');
    const signal = AbortSignal.abort(new Error('before'));
    await expect(content.put(data, { owner: 'a', signal })).rejects.toThrow('before');
    expect(await pathsBelow('dw://content/lists/')).toEqual([]);
    expect((await content.clean()).removedChunks).toBeGreaterThan(0);
    expect(await pathsBelow('dw://')).toEqual([]);
  });

  it('refuses everything after close', async () => {
    const reference = await content.put(bytes(10), { owner: 'a' });
    await content.close();
    const calls: (() => Promise<unknown>)[] = [
      () => content.put(bytes(10), { owner: 'a' }),
      () => content.has(reference),
      () => content.chunkDigests(reference),
      () => readAll(reference),
      () => content.missing([]),
      () => content.clean(),
      async () => content.retain(reference, 'b'),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ code: 'DW_CONTENT_CLOSED' });
    }
  });
});

describe('assemble of a ContentStore', () => {
  const data = bytes(chunkBytes * 150 + 77);
  const chunks = chunksIn(data);
  const digests = [...chunks.keys()];
  const reference = payloadReferenceOf(digests, data.length);
  const fetchFrom = async (missing: readonly string[]): Promise<Uint8Array[]> =>
    missing.map((digest) => chunks.get(digest) ?? new Uint8Array());

  it('fetches what is missing, at most 64 chunks at a time, in order', async () => {
    await content.put(data.subarray(0, chunkBytes * 10), { owner: 'part' });
    const asked: (readonly string[])[] = [];
    using staged = await content.assemble(
      reference,
      digests,
      async (missing) => {
        asked.push(missing);
        return fetchFrom(missing);
      },
      { owner: 'a' },
    );
    await store.batch(staged.operations);
    expect(asked.map(({ length }) => length)).toEqual([64, 64, 13]);
    expect(asked.flat()).toEqual(digests.slice(10));
    expect((await readAll(reference)).equals(data)).toBe(true);
  });

  it('fetches nothing that is here, and repairs a chunk that was found damaged', async () => {
    await content.put(data, { owner: 'a' });
    const third = digests[2] ?? '';
    await damage(third);
    await expect(content.readChunk(third)).rejects.toMatchObject({ code: 'DW_CONTENT_CORRUPT' });
    const asked: string[] = [];
    using staged = await content.assemble(
      reference,
      digests,
      async (missing) => {
        asked.push(...missing);
        return fetchFrom(missing);
      },
      { owner: 'b' },
    );
    await store.batch(staged.operations);
    expect(asked).toEqual([third]);
    expect((await readAll(reference)).equals(data)).toBe(true);
  });

  it('takes small and empty content too', async () => {
    for (const length of [0, 5, 150_000]) {
      const small = bytes(length, 7);
      const own = chunksIn(small);
      const of = payloadReferenceOf([...own.keys()], length);
      using staged = await content.assemble(
        of,
        [...own.keys()],
        async (missing) => missing.map((digest) => own.get(digest) ?? new Uint8Array()),
        { owner: 'a' },
      );
      await store.batch(staged.operations);
      expect((await readAll(of)).equals(small)).toBe(true);
    }
  });

  it('refuses chunks and lists that are not what they are offered as', async () => {
    const altered = async (missing: readonly string[]): Promise<Uint8Array[]> => {
      const fetched = await fetchFrom(missing);
      return fetched.with(1, bytes(chunkBytes, 9));
    };
    const bad: [PayloadReference, readonly string[], typeof fetchFrom][] = [
      [reference, digests, altered],
      [reference, digests, async () => []],
      [reference, [...digests].reverse(), fetchFrom],
    ];
    for (const [of, list, fetch] of bad) {
      await expect(content.assemble(of, list, fetch, { owner: 'a' })).rejects.toMatchObject({
        code: 'DW_CONTENT_MISMATCH',
      });
    }
    await expect(
      content.assemble(reference, digests.slice(1), fetchFrom, { owner: 'a' }),
    ).rejects.toMatchObject({ code: 'DW_CONTENT_BAD_REFERENCE' });
    expect(await content.has(reference)).toBe(false);
  });
});
