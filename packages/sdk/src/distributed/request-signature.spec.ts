import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ed25519PublicKey,
  ed25519PublicKeyText,
  type SignedRequestParts,
  sha256Hex,
  signEd25519,
  signedRequestBytes,
  verifyEd25519,
} from './request-signature.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const parts: SignedRequestParts = {
  method: 'POST',
  url: '/peer/v1/call?x=1',
  senderId: 'n1',
  audience: 'n2',
  timestampMs: 1_767_225_600_000,
  nonce: '0123456789abcdef0123456789abcdef',
  bodyDigest: sha256Hex(Buffer.from('body')),
};

describe('sha256Hex', () => {
  it('agrees with FIPS 180-2, example B.1', () => {
    expect(sha256Hex(Buffer.from('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});

describe('signedRequestBytes', () => {
  it('puts every part on a line of its own', () => {
    expect(Buffer.from(signedRequestBytes(parts)).toString()).toBe(
      `dw-request-v1\nPOST\n/peer/v1/call?x=1\nn1\nn2\n1767225600000\n${parts.nonce}\n${parts.bodyDigest}`,
    );
  });

  it('differs when any part does', () => {
    const variants: SignedRequestParts[] = [
      { ...parts, method: 'PUT' },
      { ...parts, url: '/peer/v1/call?x=2' },
      { ...parts, senderId: 'n3' },
      { ...parts, audience: 'n3' },
      { ...parts, timestampMs: 1 },
      { ...parts, nonce: `${parts.nonce}0` },
      { ...parts, bodyDigest: sha256Hex(Buffer.from('other')) },
    ];
    const signature = signEd25519(signedRequestBytes(parts), privateKey);
    const key = ed25519PublicKeyText(publicKey);
    expect(verifyEd25519(signedRequestBytes(parts), signature, key)).toBe(true);
    for (const variant of variants) {
      expect(verifyEd25519(signedRequestBytes(variant), signature, key)).toBe(false);
    }
  });

  it('is another text for other parts, whatever they are', () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 20 })
      .filter((text) => !text.includes('\n'));
    const time = fc.integer({ min: 0 });
    const some = fc.record({
      method: line,
      url: line,
      senderId: line,
      audience: line,
      timestampMs: time,
      nonce: line,
      bodyDigest: line,
    });
    const change = fc.oneof(
      fc.record({ name: fc.constant('timestampMs'), value: time }),
      fc.record({
        name: fc.constantFrom('method', 'url', 'senderId', 'audience', 'nonce', 'bodyDigest'),
        value: line,
      }),
    );
    const key = ed25519PublicKeyText(publicKey);
    fc.assert(
      fc.property(some, change, (signed, { name, value }) => {
        const signature = signEd25519(signedRequestBytes(signed), privateKey);
        const changed = { ...signed, [name]: value };
        const isSame = Reflect.get(signed, name) === value;
        expect(verifyEd25519(signedRequestBytes(changed), signature, key)).toBe(isSame);
      }),
    );
  });

  it('refuses a part that would become two lines', () => {
    expect(() => signedRequestBytes({ ...parts, senderId: 'n1\nn2' })).toThrow(TypeError);
  });
});

describe('verifyEd25519', () => {
  const data = Buffer.from('data');
  const signature = signEd25519(data, privateKey);
  const key = ed25519PublicKeyText(privateKey);

  it('reads the key back from its text', () => {
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(key).toBe(ed25519PublicKeyText(publicKey));
    expect(ed25519PublicKey(key)?.equals(publicKey)).toBe(true);
  });

  it('agrees with RFC 8032, test 2', () => {
    const known = Buffer.from(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      'hex',
    ).toString('base64url');
    const signed = Buffer.from(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      'hex',
    ).toString('base64url');
    expect(verifyEd25519(Buffer.from([0x72]), signed, known)).toBe(true);
    expect(verifyEd25519(Buffer.from([0x73]), signed, known)).toBe(false);
  });

  it('is false, and nothing worse, of any key and signature that are none', () => {
    const raw = (length: number) =>
      fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((bytes) => Buffer.from(bytes).toString('base64url'));
    const text = fc.string({ unit: 'binary', maxLength: 100 });
    fc.assert(
      fc.property(fc.oneof(raw(64), text), fc.oneof(raw(32), text), (someSignature, someKey) => {
        expect(verifyEd25519(data, someSignature, someKey)).toBe(false);
        expect(verifyEd25519(data, signature, someKey)).toBe(false);
        expect(verifyEd25519(data, someSignature, key)).toBe(false);
      }),
    );
  });

  it('is false of any other way to write a signature', () => {
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (const last of digits) {
      const written = signature.slice(0, -1) + last;
      expect(verifyEd25519(data, written, key)).toBe(written === signature);
    }
  });

  it('goes by the key that it is given, however many there were before', () => {
    const pairs = Array.from({ length: 1_100 }, () => generateKeyPairSync('ed25519'));
    const keys = pairs.map((pair) => ed25519PublicKeyText(pair.publicKey));
    for (const round of [1, 2]) {
      for (const [index, pair] of pairs.entries()) {
        if (round === 2 && index % 100 !== 0) continue;
        const own = signEd25519(data, pair.privateKey);
        expect(verifyEd25519(data, own, keys[index] ?? '')).toBe(true);
        expect(verifyEd25519(data, own, key)).toBe(false);
        expect(verifyEd25519(data, signature, keys[index] ?? '')).toBe(false);
      }
    }
    expect(verifyEd25519(data, signature, key)).toBe(true);
  });

  it('is false of other data, other keys, and whatever is malformed', () => {
    const other = ed25519PublicKeyText(generateKeyPairSync('ed25519').publicKey);
    expect(verifyEd25519(data, signature, key)).toBe(true);
    expect(verifyEd25519(Buffer.from('Data'), signature, key)).toBe(false);
    expect(verifyEd25519(data, signature, other)).toBe(false);
    for (const bad of ['', 'x', `${signature}A`, signature.slice(1), '!'.repeat(86)]) {
      expect(verifyEd25519(data, bad, key)).toBe(false);
    }
    for (const bad of ['', 'x', `${key}A`, '!'.repeat(43), `${key.slice(0, -1)}B`]) {
      expect(verifyEd25519(data, signature, bad)).toBe(false);
    }
  });
});
