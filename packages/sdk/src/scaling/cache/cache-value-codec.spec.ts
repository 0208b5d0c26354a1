import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CacheValueCodec } from './cache-value-codec.js';

const codec = new CacheValueCodec<unknown>();
const path = 'dw://cache/a/b/c';
const refused = expect.objectContaining({ code: 'DW_CACHE_ENCODE_FAILED' });
const damaged = expect.objectContaining({ code: 'DW_CACHE_DECODE_FAILED' });

describe('CacheValueCodec', () => {
  it('gives back bytes, any text and what JSON knows, with the expiry', () => {
    const json = fc.jsonValue().filter((value) => value !== null);
    const text = fc.string({ unit: 'binary' }).map((some) => `${some}\ud800`);
    const value = fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' }), text, json);
    const expiry = fc.oneof(fc.nat(), fc.double({ noNaN: true, min: 0 }), fc.constant(Infinity));
    fc.assert(
      fc.property(value, expiry, (some, expiresAtMs) => {
        const expected =
          typeof some === 'object' && !(some instanceof Uint8Array)
            ? (JSON.parse(JSON.stringify(some)) as unknown)
            : some === 0
              ? 0
              : some;
        expect(codec.decode(codec.encode(some, expiresAtMs), path)).toEqual({
          ...{ value: expected, expiresAtMs },
        });
      }),
    );
  });

  it('copies bytes, so that later changes to them do not matter', () => {
    const bytes = Uint8Array.of(1, 2);
    const data = codec.encode(bytes, Infinity);
    bytes[0] = 9;
    expect(codec.decode(data, path).value).toEqual(Uint8Array.of(1, 2));
  });

  it.each([new Map(), new Date(), new Float64Array(1), NaN, () => 1, Symbol('s'), 1n])(
    'refuses %o, which would not come back as it was',
    (value) => {
      expect(() => codec.encode(value, Infinity)).toThrow(refused);
    },
  );

  it('leaves values to the serializer where there is one', () => {
    const custom = new CacheValueCodec<bigint>({
      serializer: (value) => value.toString(),
      deserializer: (data) => BigInt(Buffer.from(data).toString()),
    });
    const data = custom.encode(10n, 5);
    expect(custom.decode(data, path)).toEqual({ value: 10n, expiresAtMs: 5 });
    expect(() => codec.decode(data, path)).toThrow(damaged);
  });

  it('reports what a serializer throws', () => {
    const failing = new CacheValueCodec<string>({
      serializer: () => {
        throw new Error('no');
      },
      deserializer: () => undefined as unknown as string,
    });
    expect(() => failing.encode('a', Infinity)).toThrow(refused);
    expect(() => failing.decode(codec.encode('a', Infinity), path)).toThrow(damaged);
  });

  it.each([
    ['nothing', []],
    ['another version', [0x20, 1]],
    ['an unknown kind', [0x17]],
    ['a cut expiry', [0x19, 0, 0]],
    ['broken JSON', [0x13, 0x7b]],
    ['a JSON null', [0x13, ...Buffer.from('null')]],
  ])('refuses %s', (_, bytes) => {
    expect(() => codec.decode(Uint8Array.from(bytes), path)).toThrow(damaged);
  });
});
