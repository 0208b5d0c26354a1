import { DwError } from '@datawarehouse/sdk';
import type { z } from 'zod';
import { aedsError } from '../errors/aeds-errors.js';
import { canonicalJson } from './canonical-json.js';
import { type IntentManifest, intentManifestSchema } from './intent-manifest.js';
import {
  envelopeBody,
  isSignedBy,
  MAX_MANIFEST_BYTES,
  type SignedEnvelope,
  signedEnvelopeSchema,
} from './signed-envelope.js';
import { isValidAt, type TrustAnchor, type TrustStore } from './trust-store.js';

/** How far the clocks of server and client may differ, in milliseconds. */
const maxClockSkewMs = 300_000;

/** Canonical bytes of a manifest: what is signed. */
export function manifestBytes(manifest: IntentManifest): Uint8Array {
  return Buffer.from(canonicalJson(manifest), 'utf8');
}

/**
 * Verifies a manifest: its shape, its canonical form, its signatures, the rights of their keys,
 * and its time. Whatever goes wrong in here refuses it.
 *
 * @param value - The envelope, as it came from outside.
 * @throws DwError `DW_AEDS_MANIFEST_INVALID`, `DW_AEDS_SIGNATURE_INVALID`, `DW_AEDS_KEY_NOT_VALID`,
 *   `DW_AEDS_RELEASE_SIGNATURE_MISSING`, `DW_AEDS_MANIFEST_EXPIRED`,
 *   `DW_AEDS_MANIFEST_NOT_YET_VALID`, `DW_AEDS_VERIFICATION_FAILED`.
 */
export function verifyManifest(value: unknown, trust: TrustStore, nowMs: number): IntentManifest {
  try {
    const envelope = parse(signedEnvelopeSchema, value);
    const signers = verifySignatures(envelope, trust, nowMs);
    const manifest = parseCanonical(envelope);
    if (manifest.action === 'execute' && !signers.some(({ role }) => role === 'release')) {
      throw aedsError('DW_AEDS_RELEASE_SIGNATURE_MISSING');
    }
    assertInTime(manifest, nowMs);
    return manifest;
  } catch (cause) {
    if (DwError.is(cause)) throw cause;
    throw aedsError('DW_AEDS_VERIFICATION_FAILED', { cause });
  }
}

/** Refuses a manifest outside its time. */
export function assertInTime(manifest: IntentManifest, nowMs: number): void {
  const { createdAt, expiresAt, manifestId } = manifest;
  if (expiresAt !== undefined && expiresAt <= nowMs) {
    throw aedsError('DW_AEDS_MANIFEST_EXPIRED', { details: { manifestId, expiresAt } });
  }
  if (createdAt > nowMs + maxClockSkewMs) {
    throw aedsError('DW_AEDS_MANIFEST_NOT_YET_VALID', { details: { manifestId, createdAt } });
  }
}

/** Keys that signed; every signature of a known key must hold, and one must be a transport key's. */
function verifySignatures(
  envelope: SignedEnvelope,
  trust: TrustStore,
  nowMs: number,
): readonly TrustAnchor[] {
  const known = envelope.signatures.flatMap(({ keyid }) => trust.get(keyid) ?? []);
  const keyIds = envelope.signatures.map(({ keyid }) => keyid);
  for (const anchor of known) {
    if (!isSignedBy(envelope, anchor)) {
      throw aedsError('DW_AEDS_SIGNATURE_INVALID', { details: { keyIds } });
    }
  }
  const valid = known.filter((anchor) => isValidAt(anchor, nowMs));
  if (valid.some(({ role }) => role === 'transport')) return valid;
  const isKnown = known.some(({ role }) => role === 'transport');
  throw aedsError(isKnown ? 'DW_AEDS_KEY_NOT_VALID' : 'DW_AEDS_SIGNATURE_INVALID', {
    details: { keyIds },
  });
}

/** Reads the manifest, and refuses every other spelling of the same one. */
function parseCanonical(envelope: SignedEnvelope): IntentManifest {
  const body = envelopeBody(envelope);
  if (body.byteLength > MAX_MANIFEST_BYTES) throw aedsError('DW_AEDS_MANIFEST_INVALID');
  const manifest = parse(intentManifestSchema, parseJson(body));
  if (!Buffer.from(manifestBytes(manifest)).equals(body)) {
    throw aedsError('DW_AEDS_MANIFEST_INVALID', {
      message: 'The manifest is not in canonical form',
      details: { manifestId: manifest.manifestId },
    });
  }
  return manifest;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw aedsError('DW_AEDS_MANIFEST_INVALID', { cause });
  }
}

function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 10)
    .map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw aedsError('DW_AEDS_MANIFEST_INVALID', { details: { issues } });
}
