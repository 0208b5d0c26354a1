import { describe, expect, it } from 'vitest';
import { readVarint, unsnappy } from './snappy.js';

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString();

describe('unsnappy', () => {
  it('reads literals of each length of length', () => {
    expect(text(unsnappy(Uint8Array.of(3, 2 << 2, 97, 98, 99)))).toBe('abc');
    expect(text(unsnappy(Uint8Array.of(3, 60 << 2, 2, 97, 98, 99)))).toBe('abc');
    expect(text(unsnappy(Uint8Array.of(3, 61 << 2, 2, 0, 97, 98, 99)))).toBe('abc');
  });

  it('reads copies, also into what they write', () => {
    expect(text(unsnappy(Uint8Array.of(6, 1 << 2, 97, 98, 1, 2)))).toBe('ababab');
    expect(text(unsnappy(Uint8Array.of(4, 1 << 2, 97, 98, (1 << 2) | 2, 2, 0)))).toBe('abab');
    expect(text(unsnappy(Uint8Array.of(4, 1 << 2, 97, 98, (1 << 2) | 3, 2, 0, 0, 0)))).toBe('abab');
  });

  it.each([
    ['an end too early', [3, 2 << 2, 97]],
    ['more than it says', [2, 2 << 2, 97, 98, 99]],
    ['less than it says', [4, 2 << 2, 97, 98, 99]],
    ['a copy from before the start', [6, 1 << 2, 97, 98, 1, 3]],
    ['a copy from nowhere', [6, 1 << 2, 97, 98, 1, 0]],
    ['a length beyond all bounds', [255, 255, 255, 255, 127, 0]],
    ['no length', [255]],
  ])('refuses %s', (_, bytes) => {
    expect(unsnappy(Uint8Array.from(bytes))).toBeUndefined();
  });
});

describe('readVarint', () => {
  it('reads 7 bits a byte, the lowest first', () => {
    expect(readVarint(Uint8Array.of(9, 0xac, 2), 1)).toEqual([300, 3]);
  });

  it('refuses what does not end, and what is no safe integer', () => {
    expect(readVarint(Uint8Array.of(255, 255), 0)[0]).toBeUndefined();
    expect(readVarint(new Uint8Array(9).fill(255), 0)[0]).toBeUndefined();
    expect(readVarint(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 127), 0)[0]).toBe(
      undefined,
    );
  });
});
