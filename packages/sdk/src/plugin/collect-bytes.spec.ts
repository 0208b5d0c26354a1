import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collectBytes } from './collect-bytes.js';

describe('collectBytes', () => {
  it('joins whatever pieces the source comes in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 })), async (pieces) => {
        const whole = Buffer.concat(pieces);
        const source = (async function* () {
          yield* pieces;
        })();
        const collected = await collectBytes(source, whole.length);
        expect(Buffer.compare(collected, whole)).toBe(0);
      }),
    );
  });

  it('refuses one byte too many at once, and ends the source', async () => {
    let yieldedCount = 0;
    let isEnded = false;
    const source = (async function* () {
      try {
        for (;;) {
          yieldedCount += 1;
          yield new Uint8Array(10);
        }
      } finally {
        isEnded = true;
      }
    })();
    await expect(collectBytes(source, 29)).rejects.toMatchObject({
      code: 'DW_CONTENT_TOO_LARGE',
      details: { maxBytes: 29 },
    });
    expect(yieldedCount).toBe(3);
    expect(isEnded).toBe(true);
  });

  it('passes on what the source throws', async () => {
    const broken = new Error('the client is gone');
    const source = (async function* () {
      yield new Uint8Array(1);
      throw broken;
    })();
    await expect(collectBytes(source, 100)).rejects.toBe(broken);
  });
});
