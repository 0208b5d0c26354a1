import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DwError, ed25519PublicKeyText, makeFolder } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import { writeFileAtomically } from '../files/atomic-file.js';
import { fingerprintOf } from './identifiers.js';

/** An Ed25519 key pair with its id. */
export interface KeyPair {
  /** Fingerprint of the public key. */
  readonly keyId: string;
  /** Raw, base64url. */
  readonly publicKey: string;
  /** Never leaves the process, nor its file. */
  readonly privateKey: KeyObject;
}

/** Opens the key pair kept in a file, or makes it at first use, readable by its owner only. */
export async function openKeyPair(path: string): Promise<KeyPair> {
  const kept = await readPrivateKey(path);
  if (kept !== undefined) return keyPairOf(kept);
  const { privateKey } = generateKeyPairSync('ed25519');
  await makeFolder(dirname(path));
  await writeFileAtomically(path, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  return keyPairOf(privateKey);
}

/** Completes a private key. */
export function keyPairOf(privateKey: KeyObject): KeyPair {
  const publicKey = ed25519PublicKeyText(privateKey);
  return Object.freeze({ keyId: fingerprintOf(publicKey), publicKey, privateKey });
}

async function readPrivateKey(path: string): Promise<KeyObject | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { mode } = await file.stat();
      if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
        throw aedsError('DW_AEDS_KEY_FILE_INVALID', {
          message: 'The key file can be read by others',
          details: { path },
        });
      }
      return parsePrivateKey(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    if (DwError.is(cause)) throw cause;
    throw aedsError('DW_AEDS_KEY_FILE_INVALID', { cause, details: { path } });
  }
}

function parsePrivateKey(pem: string): KeyObject {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('Not an Ed25519 key');
  return key;
}
