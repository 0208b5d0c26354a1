import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, frameEntry } from './log-frame.js';

const header = {
  epoch: '01234567-89ab-cdef-0123-456789abcdef',
  firstSequence: 41,
  startBytes: 2 ** 40,
  appendedAtMs: 1_767_225_600_123.5,
  previousChecksum: 0xffff_fffe,
};

const entry = (data: Uint8Array): { readonly data: Uint8Array } => ({ data });

describe('encodeFrame and decodeFrame', () => {
  it('are inverse for any entries', () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(entries, (some) => {
        const { frame, bytes } = encodeFrame(header, some.map(entry));
        const decoded = decodeFrame(bytes);
        if (decoded === undefined) throw new Error('not decoded');
        expect(decoded).toMatchObject(frame);
        expect(decoded).toMatchObject({
          ...header,
          count: some.length,
          lastSequence: 40 + some.length,
          sizeBytes: bytes.length,
        });
        expect(some.map((_, index) => [...frameEntry(decoded, index)])).toEqual(
          some.map((data) => [...data]),
        );
      }),
    );
  });

  it('notice every flipped bit', () => {
    const { bytes } = encodeFrame(header, [entry(Buffer.from('one')), entry(Buffer.from('two'))]);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = new Uint8Array(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeFrame(damaged)).toBeUndefined();
    }
  });

  it('notice every missing tail', () => {
    const { bytes } = encodeFrame(header, [entry(Buffer.from('one')), entry(Buffer.from('two'))]);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeFrame(bytes.subarray(0, length))).toBeUndefined();
    }
  });

  it('give equal frames behind different frames different checksums', () => {
    const one = encodeFrame({ ...header, previousChecksum: 1 }, [entry(Buffer.from('x'))]);
    const other = encodeFrame({ ...header, previousChecksum: 2 }, [entry(Buffer.from('x'))]);
    expect(one.frame.checksum).not.toBe(other.frame.checksum);
  });
});
