import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CanonicalValue, canonicalJson } from './canonical-json.js';

const { value } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
    fc.maxSafeInteger().map((number) => number + 0),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key.isWellFormed() && key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
}));

describe('canonicalJson', () => {
  it('sorts keys by UTF-16 code units, as RFC 8785 shows', () => {
    const keys = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\ud83d\ude00': 5,
      '\u0080': 6,
      ö: 7,
    };
    expect(canonicalJson(keys)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    );
  });

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(JSON.parse(canonicalJson(given))).toEqual(given);
      }),
    );
  });

  it('does not depend on the order in which members were set', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.nat())), (pairs) => {
        const unique = [...new Map(pairs.filter(([key]) => key !== '__proto__'))];
        const forward = Object.fromEntries(unique);
        const backward = Object.fromEntries(unique.reverse());
        expect(canonicalJson(forward)).toBe(canonicalJson(backward));
      }),
    );
  });

  it('is different for different values', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const isSame = canonicalJson(a) === canonicalJson(b);
        if (isSame) expect(a).toEqual(b);
        else expect(a).not.toEqual(b);
      }),
    );
  });

  it.each([
    ['a fraction', 1.5],
    ['minus zero', -0],
    ['infinity', Infinity],
    ['an unsafe whole number', 2 ** 53],
    ['null', null],
    ['undefined', { a: undefined }],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a hole', new Array(1)],
    ['a date', new Date(0)],
    ['bytes', new Uint8Array(1)],
    ['a function', () => 1],
  ])('refuses %s', (_what, given) => {
    expect(() => canonicalJson(given as never)).toThrow(TypeError);
  });

  it('refuses what is nested too deeply', () => {
    let nested: CanonicalValue = [];
    for (let depth = 0; depth < 100; depth += 1) nested = [nested];
    expect(() => canonicalJson(nested)).toThrow(TypeError);
  });
});
