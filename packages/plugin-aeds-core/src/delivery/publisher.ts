import {
  type Clock,
  type ContentStore,
  type PayloadReference,
  payloadReferenceOf,
  storePath,
} from '@datawarehouse/sdk';
import type { AedsCollections } from '../collections/aeds-collections.js';
import type { JobRecord } from '../collections/job-record.js';
import type { ManifestRecord } from '../collections/manifest-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import { assertSafeFileName } from '../files/safe-file-name.js';
import { newTimedId } from '../identity/identifiers.js';
import type { KeyPair } from '../identity/key-pair-file.js';
import type { JobEngine } from '../jobs/job-engine.js';
import type { JobLifecycle } from '../jobs/job-lifecycle.js';
import { priorityScore } from '../jobs/priority-score.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';
import { envelopeDigest, type ManifestValidator } from '../manifests/manifest-validator.js';
import { signEnvelope } from '../manifests/signed-envelope.js';
import { manifestBytes } from '../manifests/verify-manifest.js';
import { PayloadDigester, type PayloadDigests } from '../transfer/payload-digester.js';
import { DELIVER_HANDLER, deliveryOf } from './dispatcher.js';
import { type ExpiryWatch, expiryOperation } from './expiry-watch.js';
import type { FleetIndex } from './fleet-index.js';
import { type Addressing, resolveTargets, type UnfitClient } from './target-resolver.js';

/** What an operator wants to be delivered, without the payload's bytes. */
export interface PublicationRequest extends Addressing {
  readonly name: string;
  readonly contentType: string;
  readonly notificationTier: IntentManifest['notificationTier'];
  readonly priority: number;
  /** Milliseconds from now. */
  readonly expiresInMs?: number;
  /** Size of the payload, where it is known before it comes. */
  readonly announcedBytes?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What came of a publication: the job exists, and will reach these. */
export interface Publication {
  readonly jobId: string;
  readonly manifestId: string;
  readonly payloadId: string;
  readonly sizeBytes: number;
  readonly contentHash: string;
  readonly expiresAt?: number;
  /** Clients that it is for, as of now. */
  readonly targets: number;
  /** Clients that are meant but may not receive; the first hundred. */
  readonly excluded: readonly UnfitClient[];
}

export interface PublisherOptions {
  readonly collections: AedsCollections;
  readonly content: ContentStore;
  readonly engine: JobEngine;
  readonly lifecycle: JobLifecycle;
  readonly validator: ManifestValidator;
  readonly expiries: ExpiryWatch;
  readonly fleet: FleetIndex;
  readonly key: KeyPair;
  readonly serverId: string;
  readonly maxPayloadBytes: number;
  readonly clock: Clock;
}

/** Makes a signed manifest and a job of a payload. Both are stored with it, all or nothing. */
export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * @param body - The payload. Not read at all where the request is refused.
   * @throws DwError `DW_AEDS_FILE_NAME_UNSAFE`, `DW_AEDS_ACTION_NOT_OFFERED`,
   *   `DW_AEDS_CHANNEL_UNKNOWN`, `DW_AEDS_NO_TARGETS`, `DW_AEDS_TARGET_UNFIT`,
   *   `DW_AEDS_PAYLOAD_TOO_LARGE`, `DW_SCALING_OVERLOADED`.
   */
  async publish(
    request: PublicationRequest,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Publication> {
    const { content, expiries, maxPayloadBytes, clock } = this.#options;
    const { clientIds, unfit } = await this.#check(request, signal);
    const now = clock.now();
    const manifestId = newTimedId(now);
    const digester = new PayloadDigester(maxPayloadBytes);
    const staged = await content.stage(digester.pass(body), {
      owner: storePath('aeds', 'manifests', manifestId),
      signal,
    });
    try {
      const digests = digester.finish();
      const manifest = this.#manifest(request, { manifestId, now }, staged.reference, digests);
      const record = await this.#sign(manifest, staged.reference);
      const job = this.#job(manifest, clientIds.length);
      await this.#options.engine.enqueue({
        ...deliveryOf(job),
        operations: [
          ...this.#options.lifecycle.additions(job),
          ...this.#options.collections.manifests.stage(manifestId, record),
          ...staged.operations,
          ...(job.expiresAt === undefined ? [] : [expiryOperation(job.jobId, job.expiresAt)]),
        ],
      });
      if (job.expiresAt !== undefined) void expiries.wake();
      return {
        jobId: job.jobId,
        manifestId,
        payloadId: staged.reference.digest,
        sizeBytes: digests.sizeBytes,
        contentHash: digests.contentHash,
        ...(job.expiresAt !== undefined && { expiresAt: job.expiresAt }),
        targets: clientIds.length,
        excluded: unfit.slice(0, 100),
      };
    } finally {
      staged[Symbol.dispose]();
    }
  }

  async #check(
    request: PublicationRequest,
    signal: AbortSignal,
  ): Promise<{ readonly clientIds: readonly string[]; readonly unfit: readonly UnfitClient[] }> {
    assertSafeFileName(request.name);
    const { maxPayloadBytes } = this.#options;
    if ((request.announcedBytes ?? 0) > maxPayloadBytes) {
      throw aedsError('DW_AEDS_PAYLOAD_TOO_LARGE', { details: { maxBytes: maxPayloadBytes } });
    }
    if (request.action !== 'passive' && request.action !== 'notify') {
      throw aedsError('DW_AEDS_ACTION_NOT_OFFERED', { details: { action: request.action } });
    }
    const sources = { ...this.#options.collections, fleet: this.#options.fleet };
    const resolved = await resolveTargets(request, sources, signal);
    const reasons = resolved.unfit.slice(0, 100);
    if (request.deliveryMode === 'unicast' && reasons.length > 0) {
      throw aedsError('DW_AEDS_TARGET_UNFIT', { details: { reasons } });
    }
    if (resolved.clientIds.length === 0) {
      throw aedsError('DW_AEDS_NO_TARGETS', { details: { reasons } });
    }
    return resolved;
  }

  #manifest(
    request: PublicationRequest,
    { manifestId, now }: { readonly manifestId: string; readonly now: number },
    reference: PayloadReference,
    { sizeBytes, contentHash, chunkHashes }: PayloadDigests,
  ): IntentManifest {
    if (chunkHashes !== undefined) {
      const { digest } = payloadReferenceOf(chunkHashes, sizeBytes);
      if (digest !== reference.digest) throw new TypeError('The payload was digested in two ways');
    }
    const { expiresInMs, criteria, metadata } = request;
    return {
      manifestId,
      serverId: this.#options.serverId,
      createdAt: now,
      ...(expiresInMs !== undefined && { expiresAt: now + expiresInMs }),
      action: request.action,
      notificationTier: request.notificationTier,
      deliveryMode: request.deliveryMode,
      targets: [...request.targets],
      ...(criteria !== undefined && { criteria: { ...criteria } }),
      priority: request.priority,
      payload: {
        payloadId: reference.digest,
        name: request.name,
        contentType: request.contentType,
        sizeBytes,
        contentHash,
        ...(chunkHashes !== undefined && { chunkHashes: [...chunkHashes] }),
      },
      ...(metadata !== undefined && { metadata: { ...metadata } }),
    };
  }

  /** Signs, and checks the result as a client would, so that nothing is sent that none could take. */
  async #sign(manifest: IntentManifest, payload: PayloadReference): Promise<ManifestRecord> {
    const envelope = signEnvelope(manifestBytes(manifest), [this.#options.key]);
    const record: ManifestRecord = {
      manifestId: manifest.manifestId,
      envelope,
      contentDigest: envelopeDigest(envelope),
      payload: { digest: payload.digest, sizeBytes: payload.sizeBytes },
      publishedAt: manifest.createdAt,
    };
    await this.#options.validator.validate(record);
    return record;
  }

  #job(manifest: IntentManifest, targetCount: number): JobRecord {
    const now = this.#options.clock.now();
    const { manifestId, expiresAt } = manifest;
    return {
      jobId: newTimedId(now),
      handler: DELIVER_HANDLER,
      manifestId,
      ...(manifest.deliveryMode === 'broadcast' && { channelIds: manifest.targets }),
      status: 'queued',
      priorityScore: priorityScore(manifest, targetCount, now),
      totalTargets: 0,
      queuedAt: now,
      ...(expiresAt !== undefined && { expiresAt }),
    };
  }
}
