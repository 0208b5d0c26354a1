import { type KeyObject, verify } from 'node:crypto';
import { ed25519PublicKey } from '@datawarehouse/sdk';

/** More than a cluster has members. */
const maxKeys = 1_024;

/** Reading a key takes longer than verifying with it; oldest first. */
const keys = new Map<string, KeyObject>();

/** As `verifyEd25519` of the SDK, with keys that are read once. */
export function verifyPeerSignature(
  data: Uint8Array,
  signature: string,
  publicKey: string,
): boolean {
  const key = keyOf(publicKey);
  if (key === undefined || !/^[A-Za-z0-9_-]{86}$/.test(signature)) return false;
  return verify(null, data, key, Buffer.from(signature, 'base64url'));
}

function keyOf(text: string): KeyObject | undefined {
  const known = keys.get(text);
  if (known !== undefined) return known;
  const key = ed25519PublicKey(text);
  if (key === undefined) return undefined;
  for (const oldest of keys.keys()) {
    if (keys.size < maxKeys) break;
    keys.delete(oldest);
  }
  keys.set(text, key);
  return key;
}
