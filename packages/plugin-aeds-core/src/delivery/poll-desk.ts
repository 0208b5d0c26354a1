import { type Clock, LinkedAbort } from '@datawarehouse/sdk';
import type { AedsCollections } from '../collections/aeds-collections.js';
import { type ClientRecord, clientStatusOf } from '../collections/client-record.js';
import { isFinal } from '../collections/job-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import type { PollRequest, PollResponse } from '../protocol/agent-messages.js';
import type { ChannelDirectory } from './channel-directory.js';
import type { ClientSignals } from './client-signals.js';
import type { TargetLedger } from './target-ledger.js';

/** How often a client's heartbeat is written down, in milliseconds. */
const heartbeatMs = 30_000;

export interface PollDeskOptions {
  readonly collections: AedsCollections;
  readonly directory: ChannelDirectory;
  readonly ledger: TargetLedger;
  readonly signals: ClientSignals;
  /** How clients should fetch payloads now. */
  readonly transfer: () => PollResponse['transfer'];
  readonly clock: Clock;
}

/** Tells clients what waits for them: at once, or when it comes while they wait. */
export class PollDesk {
  readonly #options: PollDeskOptions;

  constructor(options: PollDeskOptions) {
    this.#options = options;
  }

  /** Answers when there is news for the client, when its time is over, or when a newer poll comes. */
  async poll(clientId: string, request: PollRequest, signal: AbortSignal): Promise<PollResponse> {
    const { clock, signals } = this.#options;
    const listener = signals.listen(clientId);
    using until = new LinkedAbort(signal);
    until.abortAfter(request.waitMs, { clock });
    try {
      const client = await this.#meet(clientId, request);
      const before = request.status ?? clientStatusOf(client);
      for (;;) {
        const response = await this.#look(clientId, request);
        const isNews = response.deliveries.length > 0 || response.status !== before;
        if (isNews || response.status === 'revoked') return response;
        if (request.waitMs === 0 || until.signal.aborted || listener.isOver()) return response;
        await listener.next(until.signal);
      }
    } finally {
      listener[Symbol.dispose]();
    }
  }

  /** Notes that the client is there, and what it wants. */
  async #meet(clientId: string, { subscriptions }: PollRequest): Promise<ClientRecord> {
    const { collections, clock } = this.#options;
    const now = clock.now();
    const client = await collections.clients.update(
      clientId,
      (current) => {
        const isSame = sameChannels(current.subscribedChannels, subscriptions);
        if (isSame && now - (current.lastHeartbeat ?? 0) < heartbeatMs) return current;
        return { ...current, subscribedChannels: [...subscriptions], lastHeartbeat: now };
      },
      { durability: 'os' },
    );
    if (client === undefined) throw aedsError('DW_AEDS_CLIENT_UNKNOWN', { details: { clientId } });
    return client;
  }

  async #look(clientId: string, request: PollRequest): Promise<PollResponse> {
    const { collections, directory, transfer } = this.#options;
    const client = await collections.clients.get(clientId);
    if (client === undefined) throw aedsError('DW_AEDS_CLIENT_UNKNOWN', { details: { clientId } });
    const status = clientStatusOf(client);
    return {
      status,
      channels: [...(await directory.channelsOf(client))],
      transfer: transfer(),
      deliveries: status === 'approved' ? await this.#deliveries(clientId, request) : [],
    };
  }

  async #deliveries(
    clientId: string,
    { inHand, capacity }: PollRequest,
  ): Promise<PollResponse['deliveries']> {
    const deliveries: PollResponse['deliveries'] = [];
    if (capacity === 0) return deliveries;
    for await (const jobId of this.#options.ledger.inbox(clientId)) {
      if (inHand.includes(jobId)) continue;
      const envelope = await this.#take(jobId, clientId);
      if (envelope !== undefined) deliveries.push({ jobId, envelope });
      if (deliveries.length >= capacity) break;
    }
    return deliveries;
  }

  /** Takes a waiting manifest for a client; `undefined` where nobody waits for it any more. */
  async #take(
    jobId: string,
    clientId: string,
  ): Promise<PollResponse['deliveries'][number]['envelope'] | undefined> {
    const { collections, ledger, clock } = this.#options;
    const job = await collections.jobs.get(jobId);
    if (job === undefined || isFinal(job)) {
      // Left over from a crash between the end of the job and that of its targets.
      await ledger.closeTarget(jobId, clientId, { state: 'cancelled' });
      return undefined;
    }
    if ((job.expiresAt ?? Infinity) <= clock.now()) return undefined;
    const manifest = await collections.manifests.get(job.manifestId);
    if (manifest === undefined) return undefined;
    const target = await ledger.get(jobId, clientId);
    if (target?.state === 'pending') await ledger.move(jobId, clientId, { state: 'notified' });
    return manifest.envelope;
  }
}

function sameChannels(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((channelId) => b.includes(channelId));
}
