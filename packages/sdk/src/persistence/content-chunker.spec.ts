import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunksOf } from './content-chunker.js';
import { CONTENT_CHUNK_BYTES } from './payload-reference.js';

async function* pieces(data: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < data.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    yield data.subarray(at, at + size);
    at += size;
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(new Uint8Array(chunk));
  return chunks;
}

describe('chunksOf', () => {
  it('cuts any pieces into whole chunks and a rest', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 400_000 }), sizes, async (length, some) => {
        const data = Uint8Array.from({ length }, (_, index) => (index * 31) % 251);
        const chunks = await collect(chunksOf(pieces(data, some)));
        expect(Buffer.concat(chunks).equals(data)).toBe(true);
        const whole = chunks.slice(0, -1);
        expect(whole.every((chunk) => chunk.length === CONTENT_CHUNK_BYTES)).toBe(true);
        expect(chunks.every((chunk) => chunk.length > 0)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('makes no chunk of nothing', async () => {
    expect(await collect(chunksOf(new Uint8Array()))).toEqual([]);
    expect(await collect(chunksOf(pieces(new Uint8Array(), [1])))).toEqual([]);
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
    const collected = collect(chunksOf(silent, controller.signal));
    controller.abort(reason);
    await expect(collected).rejects.toBe(reason);
    expect(returned).toBe(true);
  });

  it('passes on what the source throws', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      throw new Error('source failed');
    };
    await expect(collect(chunksOf(failing()))).rejects.toThrow('source failed');
    const { signal } = new AbortController();
    await expect(collect(chunksOf(failing(), signal))).rejects.toThrow('source failed');
  });
});
