import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { openCollections } from '../collections/aeds-collections.js';
import type { ManifestRecord } from '../collections/manifest-record.js';
import {
  anchorOf,
  newKeyPair,
  sampleManifest,
  sampleTimeMs,
  signManifest,
} from '../testing/samples.js';
import { envelopeDigest, ManifestValidator } from './manifest-validator.js';
import type { SignedEnvelope } from './signed-envelope.js';
import { TrustStore } from './trust-store.js';

const transport = newKeyPair();

function recordOf(manifestId: string, envelope: SignedEnvelope): ManifestRecord {
  return {
    manifestId,
    envelope,
    contentDigest: envelopeDigest(envelope),
    payload: { digest: 'sha256:', sizeBytes: 0 },
    publishedAt: sampleTimeMs,
  };
}

describe('ManifestValidator', () => {
  const manifest = sampleManifest();
  const record = recordOf(manifest.manifestId, signManifest(manifest, transport));
  let clock: ManualClock;
  let validations: ReturnType<typeof openCollections>['validations'];

  beforeEach(() => {
    clock = new ManualClock({ startMs: sampleTimeMs });
    validations = openCollections(new MemoryBackingStore()).validations;
  });

  const validatorOf = (...changes: readonly object[]): ManifestValidator => {
    const anchors = changes.length === 0 ? [{}] : changes;
    const trust = new TrustStore(anchors.map((change) => anchorOf(transport, change)));
    return new ManifestValidator(validations, trust, clock);
  };

  it('keeps a verdict, and uses it', async () => {
    const validator = validatorOf();
    await validator.validate(record);
    expect(await validator.validate(record)).toEqual(manifest);
    expect(await validations.list({ limit: 10 })).toHaveLength(1);
    expect(validations.statistics().hits).toBeGreaterThan(0);
  });

  it('finds no old verdict for other content under the same id', async () => {
    const validator = validatorOf();
    await validator.validate(record);
    const other = signManifest(sampleManifest({ manifestId: manifest.manifestId }), newKeyPair());
    await expect(validator.validate(recordOf(manifest.manifestId, other))).rejects.toMatchObject({
      code: 'DW_AEDS_SIGNATURE_INVALID',
    });
  });

  it('finds no old verdict after a key was revoked', async () => {
    await validatorOf().validate(record);
    await expect(validatorOf({ revoked: true }).validate(record)).rejects.toMatchObject({
      code: 'DW_AEDS_KEY_NOT_VALID',
    });
  });

  it('lets no verdict outlive the manifest or a key', async () => {
    const validator = validatorOf({ notAfter: sampleTimeMs + 1000 });
    await validator.validate(record);
    clock.advance(1001);
    await expect(validator.validate(record)).rejects.toMatchObject({
      code: 'DW_AEDS_KEY_NOT_VALID',
    });
    const lasting = validatorOf();
    await lasting.validate(record);
    clock.advance(3_600_000);
    await expect(lasting.validate(record)).rejects.toMatchObject({
      code: 'DW_AEDS_MANIFEST_EXPIRED',
    });
  });
});

describe('TrustStore', () => {
  it('changes its epoch with every change of a key', () => {
    const epochs = [{}, { revoked: true }, { role: 'release' }, { notAfter: 1 }].map(
      (change) => new TrustStore([anchorOf(transport, change as object)]).epoch,
    );
    expect(new Set(epochs).size).toBe(epochs.length);
  });

  it('refuses a key under a name that is not its own, a key twice, and nonsense', () => {
    const anchor = anchorOf(transport);
    for (const anchors of [
      [{ ...anchor, keyId: newKeyPair().keyId }],
      [anchor, anchor],
      [{ ...anchor, role: 'root' }],
      [],
      'all',
    ]) {
      expect(() => new TrustStore(anchors)).toThrow(
        expect.objectContaining({ code: 'DW_AEDS_TRUST_INVALID' }),
      );
    }
  });
});
