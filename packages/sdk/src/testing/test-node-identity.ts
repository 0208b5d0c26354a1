import { generateKeyPairSync, sign } from 'node:crypto';
import type { INodeIdentity } from '../distributed/node-identity.js';
import { ed25519PublicKeyText } from '../distributed/request-signature.js';

/** Makes an identity with a new Ed25519 key, which is kept nowhere. */
export function createTestNodeIdentity(nodeId = 'test-node'): INodeIdentity {
  const { privateKey } = generateKeyPairSync('ed25519');
  return Object.freeze({
    nodeId,
    publicKey: ed25519PublicKeyText(privateKey),
    sign: (data: Uint8Array): Uint8Array => sign(null, data, privateKey),
  });
}
