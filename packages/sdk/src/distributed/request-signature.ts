import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** What a signature of an HTTP request covers. */
export interface SignedRequestParts {
  readonly method: string;
  /** Path with query, as sent. */
  readonly url: string;
  /** Id of the key's owner. */
  readonly senderId: string;
  /** Id of who the request is meant for; one for another is refused. */
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly timestampMs: number;
  /** At least 16 random bytes, hexadecimal or base64url. */
  readonly nonce: string;
  /** SHA-256 of the body, lower-case hexadecimal. */
  readonly bodyDigest: string;
}

/** DER prefix of an Ed25519 public key in SubjectPublicKeyInfo form (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** Keys verified with lately, by their texts: to read one takes longer than to verify with it. */
const recentKeys = new LRUCache<string, KeyObject>({ max: 1_024 });

/** SHA-256 of bytes, lower-case hexadecimal. */
export function sha256Hex(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Reads a raw Ed25519 public key in base64url; `undefined` where it is none. */
export function ed25519PublicKey(base64url: string): KeyObject | undefined {
  if (!/^[A-Za-z0-9_-]{43}$/.test(base64url)) return undefined;
  const raw = Buffer.from(base64url, 'base64url');
  if (raw.length !== 32 || raw.toString('base64url') !== base64url) return undefined;
  try {
    return createPublicKey({
      key: Buffer.concat([spkiPrefix, raw]),
      format: 'der',
      type: 'spki',
    });
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Writes an Ed25519 key's public half in raw base64url. */
export function ed25519PublicKeyText(key: KeyObject): string {
  const der = createPublicKey(
    key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }),
  ).export({
    format: 'der',
    type: 'spki',
  });
  return der.subarray(spkiPrefix.length).toString('base64url');
}

/** The bytes that are signed: every part on a line of its own, behind a fixed first line. */
export function signedRequestBytes(parts: SignedRequestParts): Uint8Array {
  const lines = [
    'dw-request-v1',
    parts.method,
    parts.url,
    parts.senderId,
    parts.audience,
    String(parts.timestampMs),
    parts.nonce,
    parts.bodyDigest,
  ];
  if (lines.some((line) => line.includes('\n'))) throw new TypeError('A part holds a line break');
  return Buffer.from(lines.join('\n'), 'utf8');
}

/** Signs with an Ed25519 private key; base64url. */
export function signEd25519(data: Uint8Array, privateKey: KeyObject): string {
  return sign(null, data, privateKey).toString('base64url');
}

/**
 * Verifies an Ed25519 signature in base64url. Malformed keys and signatures are just wrong.
 *
 * Keys are read once: the last 1024 that were used are kept.
 */
export function verifyEd25519(data: Uint8Array, signature: string, publicKey: string): boolean {
  const key = recentKey(publicKey);
  const raw = Buffer.from(signature, 'base64url');
  // Lenient decoding would let one signature be written in several ways.
  if (key === undefined || raw.length !== 64 || raw.toString('base64url') !== signature)
    return false;
  return verify(null, data, key, raw);
}

function recentKey(text: string): KeyObject | undefined {
  const recent = recentKeys.get(text);
  if (recent !== undefined) return recent;
  const key = ed25519PublicKey(text);
  if (key !== undefined) recentKeys.set(text, key);
  return key;
}
