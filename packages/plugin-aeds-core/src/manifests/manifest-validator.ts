import { type Clock, DwError, sha256Hex } from '@datawarehouse/sdk';
import type { Collection } from '../collections/collection.js';
import type { ManifestRecord, ValidationRecord } from '../collections/manifest-record.js';
import { type AedsErrorCode, aedsError, aedsErrors } from '../errors/aeds-errors.js';
import { canonicalJson } from './canonical-json.js';
import { type IntentManifest, intentManifestSchema } from './intent-manifest.js';
import { envelopeBody, type SignedEnvelope } from './signed-envelope.js';
import type { TrustStore } from './trust-store.js';
import { verifyManifest } from './verify-manifest.js';

/** Names an envelope by all of its content, signatures included. */
export function envelopeDigest(envelope: SignedEnvelope): string {
  return sha256Hex(Buffer.from(canonicalJson(envelope), 'utf8'));
}

/** Reads the manifest of an envelope that this node has verified. */
export function manifestOf(envelope: SignedEnvelope): IntentManifest {
  return intentManifestSchema.parse(
    JSON.parse(Buffer.from(envelopeBody(envelope)).toString('utf8')),
  );
}

/**
 * Verifies manifests, and keeps the verdicts: by content and by the state of the trust store, so
 * that neither other content under a known id nor a revoked key finds an old verdict.
 */
export class ManifestValidator {
  readonly #validations: Collection<ValidationRecord>;
  readonly #trust: TrustStore;
  readonly #clock: Clock;

  constructor(validations: Collection<ValidationRecord>, trust: TrustStore, clock: Clock) {
    this.#validations = validations;
    this.#trust = trust;
    this.#clock = clock;
  }

  /**
   * Returns the manifest of a record where it is valid now.
   *
   * @throws DwError as {@link verifyManifest}.
   */
  async validate(record: ManifestRecord): Promise<IntentManifest> {
    const contentDigest = envelopeDigest(record.envelope);
    const id = `${contentDigest}.${this.#trust.epoch}`;
    const now = this.#clock.now();
    const kept = await this.#validations.get(id);
    if (kept !== undefined && (kept.expiresAt ?? Infinity) > now) {
      if (kept.refusalCode === undefined) return manifestOf(record.envelope);
      throw aedsError(asRefusalCode(kept.refusalCode), { details: { contentDigest } });
    }
    try {
      const manifest = verifyManifest(record.envelope, this.#trust, now);
      await this.#keep(id, this.#verdict(contentDigest, manifest));
      return manifest;
    } catch (error) {
      if (DwError.is(error) && isLasting(error.code)) {
        await this.#keep(id, { ...this.#verdict(contentDigest), refusalCode: error.code });
      }
      throw error;
    }
  }

  #verdict(contentDigest: string, manifest?: IntentManifest): ValidationRecord {
    const ends = [
      manifest?.expiresAt,
      ...this.#trust.anchors.map(({ notAfter }) => notAfter),
    ].filter((end) => end !== undefined);
    return {
      contentDigest,
      trustEpoch: this.#trust.epoch,
      checkedAt: this.#clock.now(),
      ...(ends.length > 0 && { expiresAt: Math.min(...ends) }),
    };
  }

  async #keep(id: string, verdict: ValidationRecord): Promise<void> {
    const options = { durability: 'os' } as const;
    if (await this.#validations.create(id, verdict, options)) return;
    await this.#validations.update(id, () => verdict, options);
  }
}

/** Refusals that the same content earns for ever, under the same trust store. */
function isLasting(code: string): boolean {
  return code === 'DW_AEDS_MANIFEST_INVALID' || code === 'DW_AEDS_SIGNATURE_INVALID';
}

function asRefusalCode(code: string): AedsErrorCode {
  return Object.hasOwn(aedsErrors, code) ? (code as AedsErrorCode) : 'DW_AEDS_VERIFICATION_FAILED';
}
