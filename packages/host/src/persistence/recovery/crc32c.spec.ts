import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  crc32c,
  flipBack,
  lengthBeforeChecksum,
  lengthWithChecksum,
  maskChecksum,
} from './crc32c.js';

const someBytes = fc.uint8Array({ minLength: 1, maxLength: 300 });

describe('crc32c', () => {
  it('knows the test vectors of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  });

  it('goes on from the checksum of what is before', () => {
    fc.assert(
      fc.property(someBytes, someBytes, (one, other) => {
        expect(crc32c(other, crc32c(one))).toBe(crc32c(Buffer.concat([one, other])));
      }),
    );
  });
});

describe('flipBack', () => {
  it('undoes any one flipped bit', () => {
    fc.assert(
      fc.property(someBytes, fc.nat(), (data, place) => {
        const stored = maskChecksum(crc32c(data));
        const flipped = Uint8Array.from(data);
        const index = (place >>> 3) % data.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << (place & 7));
        expect(flipBack(flipped, stored)).toBe(true);
        expect(flipped).toEqual(data);
      }),
    );
  });

  it('leaves the data alone where a bit of the checksum was flipped', () => {
    const data = Uint8Array.of(1, 2, 3);
    expect(flipBack(data, (maskChecksum(crc32c(data)) ^ 0x4000) >>> 0)).toBe(true);
    expect(data).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('leaves other damage alone', () => {
    const data = Buffer.from('what was written');
    const stored = maskChecksum(crc32c(data));
    data.set([1, 2, 3], 4);
    const damaged = Buffer.from(data);
    expect(flipBack(data, stored)).toBe(false);
    expect(data).toEqual(damaged);
  });
});

describe('lengthWithChecksum', () => {
  it('finds where data ends whose length is not known', () => {
    const data = Buffer.from('abcdef');
    expect(lengthWithChecksum(data, maskChecksum(crc32c(Buffer.from('abc'))))).toBe(3);
    expect(lengthWithChecksum(data, maskChecksum(crc32c(Buffer.from('abd'))))).toBeUndefined();
  });
});

describe('lengthBeforeChecksum', () => {
  it('finds data that its checksum follows', () => {
    const data = Buffer.from('abcdef----rest');
    expect(lengthBeforeChecksum(data)).toBeUndefined();
    data.writeUInt32LE(maskChecksum(crc32c(data.subarray(0, 6))), 6);
    expect(lengthBeforeChecksum(data)).toBe(6);
  });
});
