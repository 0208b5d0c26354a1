import { signEd25519, verifyEd25519 } from '@datawarehouse/sdk';
import { z } from 'zod';
import { fingerprintSchema } from '../identity/identifiers.js';
import type { KeyPair } from '../identity/key-pair-file.js';

/** Type of the payload of every envelope of a manifest. */
const MANIFEST_PAYLOAD_TYPE = 'application/vnd.datawarehouse.aeds-manifest.v1+json';

/** Most bytes of a manifest in canonical form. */
export const MAX_MANIFEST_BYTES: number = 256 * 1024;

const base64 = z
  .string()
  .max(Math.ceil(MAX_MANIFEST_BYTES / 3) * 4)
  .refine((text) => Buffer.from(text, 'base64').toString('base64') === text, 'must be base64');

/** An envelope after the DSSE protocol 1.0: bytes, what they are, and who signed both. */
export const signedEnvelopeSchema = z.strictObject({
  payloadType: z.literal(MANIFEST_PAYLOAD_TYPE),
  payload: base64,
  signatures: z
    .array(
      z.strictObject({
        keyid: fingerprintSchema,
        /** Ed25519, base64url. */
        sig: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
      }),
    )
    .min(1)
    .max(8)
    .refine(
      (signatures) => new Set(signatures.map(({ keyid }) => keyid)).size === signatures.length,
      'holds two signatures of one key',
    ),
});

/** A signed envelope, its shape checked, its signatures not. */
export type SignedEnvelope = Readonly<z.output<typeof signedEnvelopeSchema>>;

/** DSSE's pre-authentication encoding: type and body cannot be shifted into one another. */
export function preAuthenticationEncoding(payloadType: string, body: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${body.byteLength} `;
  return Buffer.concat([Buffer.from(head, 'utf8'), body]);
}

/** Signs bytes with one or more keys. */
export function signEnvelope(body: Uint8Array, keys: readonly KeyPair[]): SignedEnvelope {
  const signed = preAuthenticationEncoding(MANIFEST_PAYLOAD_TYPE, body);
  return {
    payloadType: MANIFEST_PAYLOAD_TYPE,
    payload: Buffer.from(body).toString('base64'),
    signatures: keys.map((key) => ({
      keyid: key.keyId,
      sig: signEd25519(signed, key.privateKey),
    })),
  };
}

/** The bytes that an envelope carries. */
export function envelopeBody(envelope: SignedEnvelope): Uint8Array {
  return Buffer.from(envelope.payload, 'base64');
}

/** Reports whether a signature of the envelope is this key's over exactly its type and bytes. */
export function isSignedBy(
  envelope: SignedEnvelope,
  key: { readonly keyId: string; readonly publicKey: string },
): boolean {
  const signature = envelope.signatures.find(({ keyid }) => keyid === key.keyId);
  if (signature === undefined) return false;
  const signed = preAuthenticationEncoding(envelope.payloadType, envelopeBody(envelope));
  return verifyEd25519(signed, signature.sig, key.publicKey);
}
