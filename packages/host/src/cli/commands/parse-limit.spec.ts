import { describe, expect, it } from 'vitest';
import { parseLimit } from './parse-limit.js';

describe('parseLimit', () => {
  it.each([
    ['0', 0],
    ['200000', 200_000],
    ['64KiB', 65_536],
    ['512MiB', 536_870_912],
    ['2GiB', 2_147_483_648],
  ])('reads %s as %d', (text, value) => {
    expect(parseLimit(text)).toBe(value);
  });

  it.each(['', '-1', '1.5', '1e3', '5 MiB', '5MB', '9999999999999999', '9999999GiB9', 'x'])(
    'refuses "%s"',
    (text) => {
      expect(parseLimit(text)).toBeUndefined();
    },
  );
});
