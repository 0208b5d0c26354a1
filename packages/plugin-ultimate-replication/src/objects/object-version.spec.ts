import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, formatVersion, parseVersion } from './object-version.js';

const version = fc.record({
  physicalMs: fc.integer({ min: 0, max: 5 }),
  logical: fc.integer({ min: 0, max: 3 }),
  nodeId: fc.constantFrom('a', 'b', 'a.b', 'Z_1-x'),
});

describe('compareVersions', () => {
  it('is a total order, in which only a version itself is equal to it', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        if (compareVersions(a, b) === 0) expect(formatVersion(a)).toBe(formatVersion(b));
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});

describe('parseVersion', () => {
  it('reads what formatVersion writes', () => {
    fc.assert(
      fc.property(version, (original) => {
        expect(parseVersion(formatVersion(original))).toEqual(original);
      }),
    );
  });

  it.each(['', '1@a', '1.2', '1.2@', '1.2@-x', '-1.0@a', '9999999999999999.0@a', '1.2@a b'])(
    'takes %j for none',
    (text) => {
      expect(parseVersion(text)).toBeUndefined();
    },
  );
});
