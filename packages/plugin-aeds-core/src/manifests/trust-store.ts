import { ed25519PublicKey, sha256Hex } from '@datawarehouse/sdk';
import { z } from 'zod';
import { aedsError } from '../errors/aeds-errors.js';
import { fingerprintOf, fingerprintSchema, timestampSchema } from '../identity/identifiers.js';
import { canonicalJson } from './canonical-json.js';

/** A key that is trusted, and with what. Rights come from here, never from a manifest. */
export const trustAnchorSchema = z
  .strictObject({
    keyId: fingerprintSchema,
    /** Raw Ed25519, base64url. */
    publicKey: z
      .string()
      .refine((text) => ed25519PublicKey(text) !== undefined, 'must be an Ed25519 public key'),
    /** `transport` signs manifests; `release`, kept offline, is needed besides to execute. */
    role: z.enum(['transport', 'release']),
    notBefore: timestampSchema.exactOptional(),
    notAfter: timestampSchema.exactOptional(),
    revoked: z.boolean().default(false),
  })
  // Ids are fingerprints, so one key cannot count twice under two names.
  .refine(({ keyId, publicKey }) => fingerprintOf(publicKey) === keyId, {
    error: 'keyId is not the fingerprint of publicKey',
    path: ['keyId'],
  });

export const trustAnchorsSchema = z
  .array(trustAnchorSchema)
  .min(1)
  .max(100)
  .refine(
    (anchors) => new Set(anchors.map(({ keyId }) => keyId)).size === anchors.length,
    'holds a key twice',
  );

export type TrustAnchor = Readonly<z.output<typeof trustAnchorSchema>>;

/** Keys by id, and the epoch that changes with them. */
export class TrustStore {
  /** Changes whenever any anchor does; verdicts are cached under it. */
  readonly epoch: string;
  readonly anchors: readonly TrustAnchor[];
  readonly #byId: ReadonlyMap<string, TrustAnchor>;

  /** @throws DwError `DW_AEDS_TRUST_INVALID`. */
  constructor(anchors: unknown) {
    const parsed = trustAnchorsSchema.safeParse(anchors);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(
        (issue) => `${issue.path.join('.')}: ${issue.message}`,
      );
      throw aedsError('DW_AEDS_TRUST_INVALID', { details: { issues } });
    }
    this.anchors = Object.freeze(parsed.data.toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1)));
    this.#byId = new Map(this.anchors.map((anchor) => [anchor.keyId, anchor]));
    this.epoch = sha256Hex(Buffer.from(canonicalJson(this.anchors))).slice(0, 16);
  }

  get(keyId: string): TrustAnchor | undefined {
    return this.#byId.get(keyId);
  }

  /** Keys of a role that may sign at a time. */
  validKeys(role: TrustAnchor['role'], nowMs: number): readonly TrustAnchor[] {
    return this.anchors.filter((anchor) => anchor.role === role && isValidAt(anchor, nowMs));
  }
}

/** Reports whether a key is neither revoked nor outside its time. */
export function isValidAt(anchor: TrustAnchor, nowMs: number): boolean {
  return (
    !anchor.revoked && nowMs >= (anchor.notBefore ?? 0) && nowMs <= (anchor.notAfter ?? Infinity)
  );
}
