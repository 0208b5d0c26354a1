import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assertStorePath,
  compareStorePaths,
  escapeSegment,
  MAX_STORE_PATH_BYTES,
  sequenceSegment,
  storePath,
  storePathSegments,
  storePrefix,
  unescapeSegment,
} from './store-path.js';

const anyText = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text.isWellFormed());
const invalidPath = expect.objectContaining({ code: 'DW_STORE_INVALID_PATH' });

describe('escapeSegment', () => {
  it('is reversible for any Unicode, and different for different text', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        expect(unescapeSegment(escapeSegment(one))).toBe(one);
        expect(escapeSegment(one) === escapeSegment(other)).toBe(one === other);
      }),
    );
  });

  it('leaves only characters that mean nothing to a file system or a URI', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const escaped = escapeSegment(text);
        expect(escaped).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9_.%-]*$/);
      }),
    );
  });

  it.each([
    ['plain_1.2-x', 'plain_1.2-x'],
    ['eu/node1', 'eu%2Fnode1'],
    ['.', '%2E'],
    ['..', '%2E.'],
    ['.hidden', '%2Ehidden'],
    ['', '%'],
    ['%', '%25'],
    ['a b', 'a%20b'],
    ["!'()*~", '%21%27%28%29%2A%7E'],
    ['ü', '%C3%BC'],
    ['😀', '%F0%9F%98%80'],
    ['\0', '%00'],
  ])('writes %j as %j', (segment, escaped) => {
    expect(escapeSegment(segment)).toBe(escaped);
    expect(unescapeSegment(escaped)).toBe(segment);
  });

  it.each(['a', '/', 'ü', '\u20ac', '\u{1f600}'])('takes 4 KiB of %j', (character) => {
    const name = character.repeat(4096 / Buffer.byteLength(character));
    const path = storePath('area', name);
    assertStorePath(path);
    expect(storePathSegments(path)).toEqual(['area', name]);
  });

  it('refuses text that is not well-formed', () => {
    expect(() => escapeSegment('\ud800')).toThrow(invalidPath);
    expect(() => unescapeSegment('%zz')).toThrow(invalidPath);
    expect(() => unescapeSegment('%C3')).toThrow(invalidPath);
  });
});

describe('storePath', () => {
  it('joins segments that storePathSegments splits again', () => {
    const segments = fc.array(anyText, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(segments, (some) => {
        expect(storePathSegments(storePath(...some))).toEqual(some);
      }),
    );
  });

  it('keeps what is below one prefix apart from what is below another', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (one, other, rest) => {
        const path = storePath('area', other, rest);
        expect(path.startsWith(storePrefix('area', one))).toBe(one === other);
      }),
    );
  });
});

describe('assertStorePath', () => {
  it.each(['', 'file:///etc/passwd', 'dw:/a', 'DW://a', '/a', 'dw://\ud800'])(
    'refuses %j',
    (path) => {
      expect(() => {
        assertStorePath(path);
      }).toThrow(invalidPath);
    },
  );

  it('refuses a path that is too long in bytes', () => {
    assertStorePath(`dw://${'a'.repeat(MAX_STORE_PATH_BYTES - 5)}`);
    expect(() => {
      assertStorePath(`dw://${'a'.repeat(MAX_STORE_PATH_BYTES - 4)}`);
    }).toThrow(invalidPath);
    expect(() => {
      assertStorePath(`dw://${'ü'.repeat(MAX_STORE_PATH_BYTES / 2)}`);
    }).toThrow(invalidPath);
  });
});

describe('sequenceSegment', () => {
  it('orders sequences as numbers', () => {
    const sequence = fc.nat(Number.MAX_SAFE_INTEGER);
    fc.assert(
      fc.property(sequence, sequence, (one, other) => {
        expect(sequenceSegment(one) < sequenceSegment(other)).toBe(one < other);
        expect(sequenceSegment(one)).toHaveLength(20);
      }),
    );
  });
});

describe('compareStorePaths', () => {
  it('orders by UTF-8 bytes, as a disk does', () => {
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        const expected = Buffer.compare(Buffer.from(one), Buffer.from(other));
        expect(Math.sign(compareStorePaths(one, other))).toBe(expected);
      }),
    );
    expect(compareStorePaths('\u{1f600}', '\uffee')).toBeGreaterThan(0);
  });
});
