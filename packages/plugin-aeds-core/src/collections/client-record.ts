import { z } from 'zod';
import { channelIdSchema, fingerprintSchema, timestampSchema } from '../identity/identifiers.js';
import type { ManifestAction } from '../manifests/intent-manifest.js';

/** Trust levels by their number. */
export const trustLevels = [
  'untrusted',
  'pendingVerification',
  'trusted',
  'elevated',
  'admin',
] as const;

/** Lowest level of a client that an operator has approved. */
export const TRUSTED_LEVEL = 2;

/** Bits of what a client can do. */
export const clientCapabilities = {
  receivePassive: 1,
  receiveNotify: 2,
  executeSigned: 4,
  interactive: 8,
  p2pMesh: 16,
  deltaSync: 32,
  airGapMule: 64,
} as const;

export const capabilitiesSchema = z.int().min(0).max(127);

export const clientNameSchema = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\p{Bidi_Control}]+$/u, 'must not hold control characters');

/** A client of the fleet. Times are milliseconds since the epoch. */
export const clientRecordSchema = z.strictObject({
  clientId: fingerprintSchema,
  name: clientNameSchema,
  /** Raw Ed25519, base64url. */
  publicKey: z.string(),
  trustLevel: z.int().min(0).max(4),
  registeredAt: timestampSchema,
  approvedAt: timestampSchema.exactOptional(),
  revokedAt: timestampSchema.exactOptional(),
  lastHeartbeat: timestampSchema.exactOptional(),
  subscribedChannels: z.array(channelIdSchema).max(100),
  capabilities: capabilitiesSchema,
});

export type ClientRecord = Readonly<z.output<typeof clientRecordSchema>>;

/** Where a client stands with the operator. */
export function clientStatusOf(client: ClientRecord): 'pending' | 'approved' | 'revoked' {
  if (client.revokedAt !== undefined) return 'revoked';
  return client.approvedAt === undefined ? 'pending' : 'approved';
}

/** The capability that an action needs. */
export function capabilityFor(action: ManifestAction): number {
  switch (action) {
    case 'passive':
      return clientCapabilities.receivePassive;
    case 'notify':
      return clientCapabilities.receiveNotify;
    case 'interactive':
      return clientCapabilities.interactive;
    case 'execute':
    case 'custom':
      return clientCapabilities.executeSigned;
  }
}
