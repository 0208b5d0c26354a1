import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DwError } from '@datawarehouse/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newTimedId } from '../identity/identifiers.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';
import { TrustStore } from '../manifests/trust-store.js';
import {
  anchorOf,
  newKeyPair,
  sampleManifest,
  sampleTimeMs,
  signManifest,
} from '../testing/samples.js';
import { admitManifest, type Recipient } from './admit-manifest.js';
import { DeliveryJournal } from './delivery-journal.js';

const transport = newKeyPair();
const release = newKeyPair();
const trust = new TrustStore([anchorOf(transport), anchorOf(release, { role: 'release' })]);
const clientId = newKeyPair().keyId;
const jobId = newTimedId(sampleTimeMs);
const recipient: Recipient = {
  clientId,
  serverId: 'node-1',
  capabilities: 3,
  channels: ['all', 'stable'],
};

describe('admitManifest', () => {
  let folder: string;
  let journal: DeliveryJournal;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-admit-'));
    journal = await DeliveryJournal.open(folder);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const admit = (changes: Partial<IntentManifest>, who: Partial<Recipient> = {}): unknown => {
    const manifest = sampleManifest(changes);
    const envelope = signManifest(manifest, transport, release);
    const context = { recipient: { ...recipient, ...who }, trust, journal, nowMs: sampleTimeMs };
    try {
      return admitManifest({ jobId, envelope }, context).place;
    } catch (error) {
      if (DwError.is(error)) return error.code;
      throw error;
    }
  };
  const wrongAudience = 'DW_AEDS_MANIFEST_WRONG_AUDIENCE';

  it('takes a broadcast to one of its channels, and to no other', () => {
    expect(admit({ targets: ['beta', 'stable'] })).toEqual({ folder: 'stable', name: 'a.bin' });
    expect(admit({ targets: ['beta'] })).toBe(wrongAudience);
    expect(admit({}, { channels: [] })).toBe(wrongAudience);
  });

  it('takes a unicast to itself, and to no other', () => {
    const mode = { deliveryMode: 'unicast' } as const;
    expect(admit({ ...mode, targets: [clientId] })).toEqual({ folder: jobId, name: 'a.bin' });
    expect(admit({ ...mode, targets: [newKeyPair().keyId] })).toBe(wrongAudience);
  });

  it('takes a multicast where it has all capabilities', () => {
    const of = (capabilities: number): unknown =>
      admit({
        deliveryMode: 'multicast',
        targets: [],
        criteria: { capabilities, minTrustLevel: 2 },
      });
    expect(of(1)).toEqual({ folder: jobId, name: 'a.bin' });
    expect(of(5)).toBe(wrongAudience);
  });

  it('takes nothing that another server published', () => {
    expect(admit({ serverId: 'node-2' })).toBe(wrongAudience);
  });

  it('takes a manifest once', async () => {
    const { manifestId } = sampleManifest();
    const report = { jobId: newTimedId(1), state: 'applied' as const };
    await journal.record({ jobId: report.jobId, manifestId, report, isReported: true });
    expect(admit({ manifestId })).toBe('DW_AEDS_MANIFEST_REPLAYED');
  });

  it.each(['execute', 'interactive', 'custom'] as const)('does not offer %s', (action) => {
    expect(admit({ action })).toBe('DW_AEDS_ACTION_NOT_OFFERED');
  });
});
