import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeJson } from './merge-json.js';

const read = (...values: readonly unknown[]): unknown => {
  const contents = values.map((value) => Buffer.from(JSON.stringify(value)));
  return JSON.parse(Buffer.from(mergeJson.merge?.read(contents) ?? []).toString());
};

describe('mergeJson', () => {
  it('keeps every member, and of one that both have the later', () => {
    expect(read({ a: 1, b: { x: 1, y: 1 }, l: [1] }, { b: { y: 2 }, c: 3, l: [2] })).toEqual({
      ...{ a: 1, b: { x: 1, y: 2 }, c: 3, l: [2] },
    });
  });

  it('gives a content back as it is that stands alone', () => {
    const content = Buffer.from('no JSON');
    expect(mergeJson.merge?.read([content])).toBe(content);
  });

  it('merges nothing but objects', () => {
    expect(() => read({ a: 1 }, [1])).toThrow(TypeError);
    expect(() => mergeJson.merge?.read([Buffer.from('{'), Buffer.from('{}')])).toThrow(SyntaxError);
  });

  it('gives the same text whatever the order of members, and takes names such as __proto__', () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 2 }), (all) => {
        const reversed = all.map((one) => Object.fromEntries(Object.entries(one).reverse()));
        expect(JSON.stringify(read(...all))).toBe(JSON.stringify(read(...reversed)));
        for (const name of Object.keys(all.at(-1) ?? {})) {
          expect(Object.hasOwn(read(...all) as object, name)).toBe(true);
        }
      }),
    );
  });
});
