import { DwError } from '@datawarehouse/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anchorOf,
  newKeyPair,
  sampleManifest,
  sampleTimeMs,
  signManifest,
} from '../testing/samples.js';
import type { IntentManifest } from './intent-manifest.js';
import { type SignedEnvelope, signEnvelope } from './signed-envelope.js';
import { TrustStore } from './trust-store.js';
import { manifestBytes, verifyManifest } from './verify-manifest.js';

const transport = newKeyPair();
const release = newKeyPair();
const stranger = newKeyPair();
const trust = new TrustStore([anchorOf(transport), anchorOf(release, { role: 'release' })]);

function codeOf(envelope: unknown, store = trust, nowMs = sampleTimeMs): string {
  try {
    verifyManifest(envelope, store, nowMs);
    return 'valid';
  } catch (error) {
    if (!DwError.is(error)) throw error;
    return error.code;
  }
}

/** The envelope with another body under the same signatures. */
function withBody(envelope: SignedEnvelope, body: string): SignedEnvelope {
  return { ...envelope, payload: Buffer.from(body, 'utf8').toString('base64') };
}

/** Every place in a value, as a path. */
function* pathsOf(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== 'object' || value === null) yield path;
  else for (const [key, member] of Object.entries(value)) yield* pathsOf(member, [...path, key]);
}

function changeAt(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) {
    if (typeof value === 'number') return value + 1;
    const text = String(value);
    return text.slice(0, -1) + (text.endsWith('1') ? '2' : '1');
  }
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = changeAt(copy[key], rest);
  return copy;
}

describe('verifyManifest', () => {
  const manifest = sampleManifest({
    deliveryMode: 'multicast',
    targets: [],
    criteria: { capabilities: 1, minTrustLevel: 2 },
    actionScript: 'true',
  });
  const envelope = signManifest(manifest, transport);

  it('returns what a transport key has signed', () => {
    expect(verifyManifest(envelope, trust, sampleTimeMs)).toEqual(manifest);
  });

  it('takes an envelope that went over the wire', () => {
    expect(codeOf(JSON.parse(JSON.stringify(envelope)))).toBe('valid');
  });

  it.each([...pathsOf(manifest)].map((path) => [path.join('.'), path] as const))(
    'refuses a changed %s',
    (_name, path) => {
      const changed = changeAt(manifest, path) as IntentManifest;
      expect(codeOf(withBody(envelope, JSON.stringify(changed)))).toBe('DW_AEDS_SIGNATURE_INVALID');
    },
  );

  it.each(Object.keys(manifest).map((key) => [key]))('refuses a manifest without %s', (key) => {
    const changed = Object.fromEntries(Object.entries(manifest).filter(([name]) => name !== key));
    expect(codeOf(withBody(envelope, JSON.stringify(changed)))).toBe('DW_AEDS_SIGNATURE_INVALID');
  });

  it('refuses every flipped bit of body and signature', () => {
    const bytes = Buffer.from(JSON.stringify(envelope), 'utf8');
    fc.assert(
      fc.property(fc.nat(bytes.byteLength * 8 - 1), (bit) => {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        let value: unknown;
        try {
          value = JSON.parse(flipped.toString('utf8'));
        } catch {
          return;
        }
        expect(codeOf(value)).not.toBe('valid');
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses whatever else it is given, and throws nothing but typed refusals', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(codeOf(value)).toMatch(/^DW_AEDS_/);
      }),
    );
    const trap = new Proxy(envelope, {
      get: () => {
        throw new Error('a component that breaks');
      },
    });
    expect(codeOf(trap)).toBe('DW_AEDS_VERIFICATION_FAILED');
  });

  it('refuses an unknown key, and the signature of another manifest', () => {
    const other = signManifest(sampleManifest(), transport);
    expect(codeOf(signManifest(manifest, stranger))).toBe('DW_AEDS_SIGNATURE_INVALID');
    expect(codeOf({ ...envelope, signatures: other.signatures })).toBe('DW_AEDS_SIGNATURE_INVALID');
  });

  it('refuses a stranger’s signature under a trusted key’s id', () => {
    const [signature] = signManifest(manifest, stranger).signatures;
    const forged = { ...envelope, signatures: [{ ...signature, keyid: transport.keyId }] };
    expect(codeOf(forged)).toBe('DW_AEDS_SIGNATURE_INVALID');
  });

  it('refuses the same key twice, and no signature at all', () => {
    const twice = [...envelope.signatures, ...envelope.signatures];
    expect(codeOf({ ...envelope, signatures: twice })).toBe('DW_AEDS_MANIFEST_INVALID');
    expect(codeOf({ ...envelope, signatures: [] })).toBe('DW_AEDS_MANIFEST_INVALID');
  });

  it('refuses another spelling of the same manifest, signed or not', () => {
    const spaced = JSON.stringify(manifest, undefined, 1);
    const signed = signEnvelope(Buffer.from(spaced, 'utf8'), [transport]);
    expect(codeOf(withBody(envelope, spaced))).toBe('DW_AEDS_SIGNATURE_INVALID');
    expect(codeOf(signed)).toBe('DW_AEDS_MANIFEST_INVALID');
    const doubled = Buffer.from(manifestBytes(manifest))
      .toString('utf8')
      .replace('"priority":50', '"priority":50,"priority":50');
    expect(codeOf(signEnvelope(Buffer.from(doubled), [transport]))).toBe(
      'DW_AEDS_MANIFEST_INVALID',
    );
  });

  it('refuses to execute without a release key’s signature, whatever the manifest claims', () => {
    const execute = sampleManifest({ action: 'execute', metadata: { role: 'release' } });
    const missing = 'DW_AEDS_RELEASE_SIGNATURE_MISSING';
    expect(codeOf(signManifest(execute, transport))).toBe(missing);
    expect(codeOf(signManifest(execute, transport, stranger))).toBe(missing);
    expect(codeOf(signManifest(execute, release))).toBe('DW_AEDS_SIGNATURE_INVALID');
    expect(codeOf(signManifest(execute, transport, release))).toBe('valid');
  });

  it('refuses keys that are revoked or out of their time', () => {
    const of = (changes: object): TrustStore => new TrustStore([anchorOf(transport, changes)]);
    const notValid = 'DW_AEDS_KEY_NOT_VALID';
    expect(codeOf(envelope, of({ revoked: true }))).toBe(notValid);
    expect(codeOf(envelope, of({ notBefore: sampleTimeMs + 1 }))).toBe(notValid);
    expect(codeOf(envelope, of({ notAfter: sampleTimeMs - 1 }))).toBe(notValid);
    expect(codeOf(envelope, of({ notBefore: sampleTimeMs, notAfter: sampleTimeMs }))).toBe('valid');
  });

  it('refuses what has expired, and what comes from the future', () => {
    const { expiresAt = 0 } = manifest;
    expect(codeOf(envelope, trust, expiresAt - 1)).toBe('valid');
    expect(codeOf(envelope, trust, expiresAt)).toBe('DW_AEDS_MANIFEST_EXPIRED');
    expect(codeOf(envelope, trust, sampleTimeMs - 600_000)).toBe('DW_AEDS_MANIFEST_NOT_YET_VALID');
  });

  it.each([
    '../x',
    'a/b',
    'a\\b',
    '.',
    '..',
    '.ssh',
    'nul',
    'COM1.txt',
    'a\0b',
    '',
    'x'.repeat(256),
  ])('refuses the file name %j even where it is signed', (name) => {
    const { payload } = sampleManifest();
    const tricky = sampleManifest({ payload: { ...payload, name } });
    expect(codeOf(signManifest(tricky, transport))).toBe('DW_AEDS_MANIFEST_INVALID');
  });
});
