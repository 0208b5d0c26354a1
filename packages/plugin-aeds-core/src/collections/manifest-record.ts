import { z } from 'zod';
import { timedIdSchema, timestampSchema } from '../identity/identifiers.js';
import { signedEnvelopeSchema } from '../manifests/signed-envelope.js';

/** A published manifest, as signed. */
export const manifestRecordSchema = z.strictObject({
  manifestId: timedIdSchema,
  envelope: signedEnvelopeSchema,
  /** SHA-256 of the envelope in canonical form, signatures included. */
  contentDigest: z.string(),
  /** Where the payload is in the content store. */
  payload: z.strictObject({ digest: z.string(), sizeBytes: z.int().min(0) }),
  publishedAt: timestampSchema,
});

export type ManifestRecord = Readonly<z.output<typeof manifestRecordSchema>>;

/** What the verification of a manifest found, for one content and one state of the trust store. */
export const validationRecordSchema = z.strictObject({
  contentDigest: z.string(),
  trustEpoch: z.string(),
  /** Why it was refused; absent where it was found valid. */
  refusalCode: z.string().exactOptional(),
  checkedAt: timestampSchema,
  /** No verdict outlives it: the expiry of the manifest, or of a key that signed it. */
  expiresAt: timestampSchema.exactOptional(),
});

export type ValidationRecord = Readonly<z.output<typeof validationRecordSchema>>;
