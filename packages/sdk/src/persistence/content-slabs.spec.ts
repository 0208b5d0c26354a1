import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContentHasher } from './content-hasher.js';
import { hashedSlabs, type LentSlab, type SlabOptions, SlabPool } from './content-slabs.js';
import { CONTENT_CHUNK_BYTES } from './payload-reference.js';

let hasher: ContentHasher;
let options: SlabOptions;

beforeEach(() => {
  hasher = new ContentHasher(2);
  options = { hasher, pool: new SlabPool() };
});

afterEach(() => hasher.close());

async function* pieces(data: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  // One buffer for all pieces, as a careless source would do.
  const buffer = new Uint8Array(Math.max(...sizes, 1));
  let at = 0;
  for (let index = 0; at < data.length; index += 1) {
    const piece = data.subarray(at, at + (sizes[index % sizes.length] ?? 1));
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    at += piece.length;
  }
}

interface Collected {
  readonly data: Buffer;
  readonly digests: readonly string[];
  readonly slabBytes: readonly number[];
}

async function collect(slabs: AsyncIterable<LentSlab>): Promise<Collected> {
  const data: Buffer[] = [];
  const digests: string[] = [];
  const slabBytes: number[] = [];
  for await (const lent of slabs) {
    using slab = lent;
    data.push(Buffer.from(new Uint8Array(slab.buffer, 0, slab.sizeBytes)));
    digests.push(Buffer.from(slab.digests).toString('hex'));
    slabBytes.push(slab.sizeBytes);
  }
  return { data: Buffer.concat(data), digests, slabBytes };
}

function digestsOfChunks(data: Uint8Array): string {
  const digests: string[] = [];
  for (let at = 0; at < data.length; at += CONTENT_CHUNK_BYTES) {
    const chunk = data.subarray(at, at + CONTENT_CHUNK_BYTES);
    digests.push(createHash('sha256').update(chunk).digest('hex'));
  }
  return digests.join('');
}

describe('hashedSlabs', () => {
  it('gives any pieces back whole and in order, with the digest of every chunk', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 900_000 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 6_000_000 }), sizes, async (length, some) => {
        const data = Buffer.alloc(length, 'some text of an odd length');
        for (let at = 0; at + 4 < length; at += 50_000) data.writeUInt32BE(at, at);
        for (const source of [data, pieces(data, some)]) {
          const found = await collect(hashedSlabs(source, options));
          expect(found.data.equals(data)).toBe(true);
          expect(found.digests.join('')).toBe(digestsOfChunks(data));
          const inner = found.slabBytes.slice(0, -1);
          expect(inner.every((bytes) => bytes % CONTENT_CHUNK_BYTES === 0)).toBe(true);
        }
      }),
      { numRuns: 15 },
    );
  }, 60_000);

  it('hashes in the caller thread alone where it is told so', async () => {
    const data = Buffer.alloc(3_000_000, 7);
    await using alone = new ContentHasher(0);
    const found = await collect(hashedSlabs(data, { ...options, hasher: alone }));
    expect(found.digests.join('')).toBe(digestsOfChunks(data));
  });

  it('takes little memory for little', async () => {
    const taken: number[] = [];
    const pool = new SlabPool();
    const take = pool.take.bind(pool);
    pool.take = (sizeBytes) => {
      taken.push(sizeBytes);
      return take(sizeBytes);
    };
    await collect(hashedSlabs(Buffer.alloc(100), { ...options, pool }));
    await collect(hashedSlabs(pieces(Buffer.alloc(100), [50]), { ...options, pool }));
    expect(taken).toEqual([100, CONTENT_CHUNK_BYTES]);
  });

  it('gives its memory back however it ends', async () => {
    const pool = new SlabPool();
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(9_000_000);
      throw new Error('source failed');
    };
    for (let round = 0; round < 10; round += 1) {
      const failed = collect(hashedSlabs(failing(), { ...options, pool }));
      await expect(failed).rejects.toThrow('source failed');
      for await (const slab of hashedSlabs(Buffer.alloc(9_000_000), { ...options, pool })) {
        slab[Symbol.dispose]();
        if (slab.sizeBytes > CONTENT_CHUNK_BYTES) break;
      }
    }
    expect(pool.isExhausted).toBe(false);
    for (let count = 0; count < 15; count += 1) pool.take(16 * CONTENT_CHUNK_BYTES);
    expect(pool.isExhausted).toBe(false);
  });

  it('shares a bounded number of large slabs among many streams, and none waits for ever', async () => {
    const data = Buffer.alloc(8_000_000, 3);
    const streams = Array.from({ length: 24 }, () => hashedSlabs(pieces(data, [65_536]), options));
    const found = await Promise.all(streams.map(collect));
    expect(found.every((one) => one.data.equals(data))).toBe(true);
  });

  it('stops a silent source when aborted, and lets it clean up', async () => {
    const controller = new AbortController();
    let returned = false;
    const silent: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          returned = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const reason = new Error('enough');
    const collected = collect(hashedSlabs(silent, { ...options, signal: controller.signal }));
    controller.abort(reason);
    await expect(collected).rejects.toBe(reason);
    expect(returned).toBe(true);
  });

  it('passes on what the source throws', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      throw new Error('source failed');
    };
    await expect(collect(hashedSlabs(failing(), options))).rejects.toThrow('source failed');
    const { signal } = new AbortController();
    const signalled = collect(hashedSlabs(failing(), { ...options, signal }));
    await expect(signalled).rejects.toThrow('source failed');
  });
});

describe('ContentHasher', () => {
  it('rejects what its workers had when it was closed, and everything later', async () => {
    const slab = (): { buffer: ArrayBuffer; sizeBytes: number } => ({
      buffer: new ArrayBuffer(1_048_576),
      sizeBytes: 1_048_576,
    });
    const hashing = hasher.hash(slab());
    const settled = hashing.then(
      () => 'hashed',
      (error: unknown) => (error as { readonly code?: unknown }).code,
    );
    await hasher.close();
    expect(['hashed', 'DW_CONTENT_CLOSED']).toContain(await settled);
    await expect(hasher.hash(slab())).rejects.toMatchObject({ code: 'DW_CONTENT_CLOSED' });
  });
});
