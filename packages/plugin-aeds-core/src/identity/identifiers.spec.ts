import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newKeyPair } from '../testing/samples.js';
import { encodeBase32, normaliseBase32 } from './crockford-base32.js';
import {
  channelIdSchema,
  fingerprintOf,
  fingerprintSchema,
  newTimedId,
  timedIdSchema,
} from './identifiers.js';

describe('newTimedId', () => {
  it('makes ids that ascend with time, and do not repeat', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 47), fc.integer({ min: 1, max: 2 ** 31 }), (atMs, laterMs) => {
        const [first, second, other] = [
          newTimedId(atMs),
          newTimedId(atMs + laterMs),
          newTimedId(atMs),
        ];
        expect(first < second).toBe(true);
        expect(first).not.toBe(other);
        expect(timedIdSchema.safeParse(first).success).toBe(true);
      }),
    );
  });
});

describe('fingerprintOf', () => {
  it('names each key by itself', () => {
    const { publicKey, keyId } = newKeyPair();
    expect(fingerprintOf(publicKey)).toBe(keyId);
    expect(fingerprintSchema.safeParse(keyId).success).toBe(true);
    expect(newKeyPair().keyId).not.toBe(keyId);
  });
});

describe('encodeBase32', () => {
  it('writes the same bits as a number in base 32', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 10, maxLength: 10 }), (bytes) => {
        const number = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
        const plain = number.toString(32).padStart(16, '0');
        const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
        const expected = plain.replace(/./g, (digit) =>
          alphabet.charAt(Number.parseInt(digit, 32)),
        );
        expect(encodeBase32(bytes, 16)).toBe(expected);
      }),
    );
  });

  it('is read back however a person types it', () => {
    expect(normaliseBase32('o1l-iz q')).toBe('0111ZQ');
    expect(normaliseBase32('U')).toBeUndefined();
  });
});

describe('channelIdSchema', () => {
  it.each(['stable', 'a', '0', 'eu.west-1_b'])('takes %j', (id) => {
    expect(channelIdSchema.safeParse(id).success).toBe(true);
  });
  it.each(['', '.', '..', 'a..b', '.a', 'a.', 'A', 'a/b', 'a b', 'x'.repeat(65)])(
    'refuses %j',
    (id) => {
      expect(channelIdSchema.safeParse(id).success).toBe(false);
    },
  );
});
