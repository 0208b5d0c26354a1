import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodeStored, encodeStored } from './stored-json.js';

const schema = z.object({ text: z.string() });

describe('decodeStored', () => {
  it('reads what encodeStored wrote', () => {
    expect(decodeStored('dw://x', encodeStored({ text: 'ä\u0000😀' }), schema)).toEqual({
      text: 'ä\u0000😀',
    });
  });

  it('finds every flipped bit, and what is cut short', () => {
    const sound = encodeStored({ text: 'abc' });
    const corrupt = expect.objectContaining({
      code: 'DW_REPLICATION_RECORD_CORRUPT',
      details: expect.objectContaining({ path: 'dw://x' }),
    });
    for (let bit = 0; bit < sound.byteLength * 8; bit += 1) {
      const damaged = Uint8Array.from(sound);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decodeStored('dw://x', damaged, schema)).toThrow(corrupt);
    }
    for (let length = 0; length < sound.byteLength; length += 1) {
      expect(() => decodeStored('dw://x', sound.subarray(0, length), schema)).toThrow(corrupt);
    }
  });

  it('refuses a sound value of another shape', () => {
    expect(() => decodeStored('dw://x', encodeStored({ text: 1 }), schema)).toThrow(
      expect.objectContaining({ code: 'DW_REPLICATION_RECORD_CORRUPT' }),
    );
  });
});
