import { createHash, generateKeyPairSync } from 'node:crypto';
import { CONTENT_CHUNK_BYTES, contentChunkCount, payloadReferenceOf } from '@datawarehouse/sdk';
import type { ClientRecord } from '../collections/client-record.js';
import { newTimedId } from '../identity/identifiers.js';
import { type KeyPair, keyPairOf } from '../identity/key-pair-file.js';
import { type IntentManifest, MAX_INLINE_CHUNKS } from '../manifests/intent-manifest.js';
import { type SignedEnvelope, signEnvelope } from '../manifests/signed-envelope.js';
import type { TrustAnchor } from '../manifests/trust-store.js';
import { manifestBytes } from '../manifests/verify-manifest.js';

/** A moment that specs agree on. */
export const sampleTimeMs = 1_700_000_000_000;

export function newKeyPair(): KeyPair {
  return keyPairOf(generateKeyPairSync('ed25519').privateKey);
}

export function anchorOf(
  { keyId, publicKey }: KeyPair,
  changes: Partial<TrustAnchor> = {},
): TrustAnchor {
  return { keyId, publicKey, role: 'transport', revoked: false, ...changes };
}

/** Digests of the chunks of bytes, as a content store cuts them. */
export function chunkDigestsOf(bytes: Uint8Array): readonly string[] {
  const count = contentChunkCount(bytes.byteLength);
  return Array.from({ length: count }, (_, index) =>
    createHash('sha256')
      .update(bytes.subarray(index * CONTENT_CHUNK_BYTES, (index + 1) * CONTENT_CHUNK_BYTES))
      .digest('hex'),
  );
}

/** What a manifest says of bytes. */
export function payloadOf(bytes: Uint8Array, name = 'a.bin'): IntentManifest['payload'] {
  const chunkHashes = [...chunkDigestsOf(bytes)];
  return {
    payloadId: payloadReferenceOf(chunkHashes, bytes.byteLength).digest,
    name,
    contentType: 'application/octet-stream',
    sizeBytes: bytes.byteLength,
    contentHash: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    ...(chunkHashes.length <= MAX_INLINE_CHUNKS && { chunkHashes }),
  };
}

export function sampleManifest(changes: Partial<IntentManifest> = {}): IntentManifest {
  return {
    manifestId: newTimedId(sampleTimeMs),
    serverId: 'node-1',
    createdAt: sampleTimeMs,
    expiresAt: sampleTimeMs + 3_600_000,
    action: 'passive',
    notificationTier: 'silent',
    deliveryMode: 'broadcast',
    targets: ['stable'],
    priority: 50,
    payload: payloadOf(Buffer.from('hello')),
    metadata: { build: '7' },
    ...changes,
  };
}

export function signManifest(
  manifest: IntentManifest,
  ...keys: readonly KeyPair[]
): SignedEnvelope {
  return signEnvelope(manifestBytes(manifest), keys);
}

export function sampleClient(changes: Partial<ClientRecord> = {}): ClientRecord {
  const { keyId, publicKey } = newKeyPair();
  return {
    clientId: keyId,
    name: 'client',
    publicKey,
    trustLevel: 2,
    registeredAt: sampleTimeMs,
    approvedAt: sampleTimeMs,
    subscribedChannels: ['stable'],
    capabilities: 3,
    ...changes,
  };
}
