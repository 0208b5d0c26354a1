import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decodePeerFrame, encodePeerFrame } from './peer-frame.js';

const schema = z.object({ text: z.string() });

describe('decodePeerFrame', () => {
  it('reads what encodePeerFrame wrote', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 5 }),
        (text, attachments) => {
          const frame = decodePeerFrame(encodePeerFrame({ text }, attachments), schema);
          expect(frame.header).toEqual({ text });
          expect(frame.attachments.map((bytes) => [...bytes])).toEqual(
            attachments.map((bytes) => [...bytes]),
          );
        },
      ),
    );
  });

  it('refuses what is cut short, too long, or of another shape', () => {
    const sound = encodePeerFrame({ text: 'x' }, [Uint8Array.of(1, 2, 3)]);
    const malformed = expect.objectContaining({ code: 'DW_REPLICATION_INVALID_MESSAGE' });
    for (let length = 0; length < sound.byteLength; length += 1) {
      expect(() => decodePeerFrame(sound.subarray(0, length), schema)).toThrow(malformed);
    }
    const longer = Buffer.concat([sound, Uint8Array.of(0)]);
    expect(() => decodePeerFrame(longer, schema)).toThrow(malformed);
    expect(() => decodePeerFrame(encodePeerFrame({ text: 1 }), schema)).toThrow(malformed);
  });
});
