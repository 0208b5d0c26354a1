import { join } from 'node:path';
import {
  Backoff,
  type Clock,
  type ConcurrencyLimit,
  DwError,
  KeyedMutex,
} from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import type { TrustStore } from '../manifests/trust-store.js';
import { assertInTime } from '../manifests/verify-manifest.js';
import type { PollResponse } from '../protocol/agent-messages.js';
import { removeQuarantine } from '../transfer/part-file.js';
import { downloadVerified } from '../transfer/verified-download.js';
import { type AdmittedManifest, admitManifest, type Recipient } from './admit-manifest.js';
import type { AgentPaths } from './agent-directory.js';
import type { AgentListener } from './agent-events.js';
import type { DeliveryJournal } from './delivery-journal.js';
import { isFileOf, placeName, placePath, placePayload } from './place-payload.js';
import type { ReportOutbox } from './report-outbox.js';
import type { TransferPreferences } from './transfer-preferences.js';
import type { TrustedServer } from './trusted-server.js';

export type Delivery = PollResponse['deliveries'][number];

/** Attempts at what the server answers wrongly or the disk refuses; an absent server is waited for. */
const maxAttempts = 6;
const progressMs = 1000;

export interface DeliveryWorkerOptions {
  readonly paths: AgentPaths;
  readonly server: TrustedServer;
  readonly trust: TrustStore;
  readonly journal: DeliveryJournal;
  readonly outbox: ReportOutbox;
  readonly requests: ConcurrencyLimit;
  readonly preferences: TransferPreferences;
  readonly emit: AgentListener;
  readonly clock: Clock;
}

/** Takes deliveries to their end: applied, refused or failed, and each end into the journal. */
export class DeliveryWorker {
  readonly #options: DeliveryWorkerOptions;
  /** One at a time for each place. */
  readonly #places = new KeyedMutex();

  constructor(options: DeliveryWorkerOptions) {
    this.#options = options;
  }

  /** Rejects only when aborted, or when the journal cannot be written. */
  async handle(delivery: Delivery, recipient: Recipient, signal: AbortSignal): Promise<void> {
    const { journal, outbox } = this.#options;
    const { jobId } = delivery;
    const known = journal.get(jobId);
    if (known?.report !== undefined) {
      // The server has not heard of the end, so tell it again.
      await journal.record({ ...known, isReported: false });
      outbox.wake();
      return;
    }
    try {
      await this.#deliver(delivery, recipient, signal);
    } catch (error) {
      signal.throwIfAborted();
      await this.#end(jobId, error);
    }
    await removeQuarantine(this.#quarantine(jobId));
    outbox.wake();
  }

  async #deliver(delivery: Delivery, recipient: Recipient, signal: AbortSignal): Promise<void> {
    const { journal, trust, clock, emit } = this.#options;
    const { jobId } = delivery;
    const admitted = admitManifest(delivery, { recipient, trust, journal, nowMs: clock.now() });
    const { manifestId, createdAt, payload } = admitted.manifest;
    const place = placeName(admitted.place);
    const entry = { jobId, manifestId, createdAt, place, isReported: false };
    await journal.record(entry);
    emit({ type: 'received', jobId, manifestId, name: payload.name, sizeBytes: payload.sizeBytes });
    const path = await this.#places.run(place, async () => {
      if (journal.isSuperseded(place, createdAt)) {
        throw aedsError('DW_AEDS_MANIFEST_SUPERSEDED', { details: { place } });
      }
      const placed = await this.#place(jobId, admitted, signal);
      const report = { jobId, state: 'applied' as const, bytes: payload.sizeBytes };
      await journal.record({ ...entry, report });
      return placed;
    });
    this.#announce(jobId, admitted, path);
  }

  /** Fetches the payload and puts it into its place, unless it is there already. */
  async #place(jobId: string, admitted: AdmittedManifest, signal: AbortSignal): Promise<string> {
    const { paths, clock } = this.#options;
    const path = placePath(admitted.place, paths.files);
    // A crash after the rename leaves a complete file that nobody has noted.
    if (await isFileOf(path, admitted.manifest.payload)) return path;
    const verified = await this.#fetch(jobId, admitted, signal);
    assertInTime(admitted.manifest, clock.now());
    await placePayload(verified, admitted.place, paths.files);
    return path;
  }

  /** Fetches the payload, again and again while that may help. */
  async #fetch(
    jobId: string,
    { manifest }: AdmittedManifest,
    signal: AbortSignal,
  ): Promise<string> {
    const { server, requests, preferences, outbox, clock } = this.#options;
    const backoff = new Backoff({ firstMs: 500, maxMs: 30_000, clock });
    for (let attempt = 1; ; ) {
      const onProgress = this.#progressOf(jobId, manifest.payload.sizeBytes, attempt);
      try {
        const verified = await downloadVerified({
          ...{ payload: manifest.payload, requests, onProgress, signal },
          settings: () => preferences.current,
          source: server.payload(jobId, manifest.payload),
          quarantine: this.#quarantine(jobId),
        });
        outbox.progress({ jobId, state: 'verified', bytes: manifest.payload.sizeBytes, attempt });
        return verified;
      } catch (error) {
        signal.throwIfAborted();
        if (!DwError.is(error) || isRefusal(error) || attempt >= maxAttempts) throw error;
        assertInTime(manifest, clock.now());
        if (!DwError.is(error, 'DW_AEDS_SERVER_UNREACHABLE')) attempt += 1;
        this.#tellRetry(jobId, attempt, error);
        await backoff.wait({ signal });
      }
    }
  }

  #progressOf(jobId: string, sizeBytes: number, attempt: number): (bytes: number) => void {
    const { outbox, emit, clock } = this.#options;
    let lastMs = -Infinity;
    return (bytes) => {
      const nowMs = clock.monotonicMs();
      if (nowMs - lastMs < progressMs) return;
      lastMs = nowMs;
      outbox.progress({ jobId, state: 'downloading', bytes, attempt });
      emit({ type: 'progress', jobId, bytes, sizeBytes });
    };
  }

  #tellRetry(jobId: string, attempt: number, { code, message }: DwError): void {
    const { outbox, emit } = this.#options;
    const reason = { code, message: message.slice(0, 500) };
    outbox.progress({ jobId, state: 'downloading', attempt, ...reason });
    emit({ type: 'retrying', jobId, ...reason });
  }

  #announce(jobId: string, { manifest }: AdmittedManifest, path: string): void {
    const { emit } = this.#options;
    const { manifestId, notificationTier, payload } = manifest;
    const { name, sizeBytes, contentHash } = payload;
    emit({ type: 'applied', jobId, manifestId, path, sizeBytes, contentHash });
    if (manifest.action !== 'notify') return;
    emit({ type: 'notification', jobId, tier: notificationTier, name, path });
  }

  /** Writes down an end without a file. */
  async #end(jobId: string, error: unknown): Promise<void> {
    const { journal, emit } = this.#options;
    const code = DwError.is(error) ? error.code : 'DW_AEDS_VERIFICATION_FAILED';
    const message = (error instanceof Error ? error.message : String(error)).slice(0, 500);
    const state = DwError.is(error) && !isRefusal(error) ? 'failed' : 'refused';
    const entry = journal.get(jobId) ?? { jobId, isReported: false };
    await journal.record({ ...entry, report: { jobId, state, code, message } });
    emit({ type: state, jobId, code, message });
  }

  #quarantine(jobId: string): string {
    return join(this.#options.paths.quarantine, jobId);
  }
}

/** What trying again cannot change. What a server merely says, unsigned, is never that final. */
function isRefusal(error: DwError): boolean {
  return !error.retryable && error.code.startsWith('DW_AEDS_') && !('status' in error.details);
}
