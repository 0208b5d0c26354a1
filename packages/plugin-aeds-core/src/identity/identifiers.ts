import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { encodeBase32 } from './crockford-base32.js';

/** Characters of a fingerprint: 100 bits. */
const fingerprintLength = 20;

/** Id of a key and of a client: the fingerprint of a public key. */
export const fingerprintSchema = z.string().regex(/^[0-9a-hjkmnp-tv-z]{20}$/, 'must be a key id');

/** Id of a manifest, a job or an invitation: time and randomness, ascending in time. */
export const timedIdSchema = z.string().regex(/^[0-9a-hjkmnp-tv-z]{26}$/, 'must be an id');

/** Id of a channel: also the name of a folder on the clients. */
export const channelIdSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9_-])){0,63}$/, 'must be a channel id');

/** Milliseconds since the epoch. */
export const timestampSchema = z.int().min(0).max(8.64e15);

/** Names a public key by its own bytes, so that nobody can claim another's id. */
export function fingerprintOf(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest();
  return encodeBase32(digest, fingerprintLength).toLowerCase();
}

/** Makes an id in the manner of ULID: 48 bits of time, 80 bits of randomness, 26 characters. */
export function newTimedId(nowMs: number): string {
  const bytes = Buffer.alloc(17);
  // Two zero bits in front make 130 bits, 26 characters.
  bytes.writeUIntBE(nowMs, 0, 6);
  takeRandom(10).copy(bytes, 6);
  return encodeBase32(shiftRight2(bytes), 26).toLowerCase();
}

/** Asking for much randomness at once costs hardly more than asking for little. */
let pool = Buffer.alloc(0);

function takeRandom(count: number): Buffer {
  if (pool.length < count) pool = randomBytes(4096);
  const taken = pool.subarray(0, count);
  pool = pool.subarray(count);
  return taken;
}

function shiftRight2(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (byte >>> 2) | (((bytes[index - 1] ?? 0) & 3) << 6));
}
