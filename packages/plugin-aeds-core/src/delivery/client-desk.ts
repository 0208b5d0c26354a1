import type { Clock } from '@datawarehouse/sdk';
import type { ClientRecord } from '../collections/client-record.js';
import type { Collection } from '../collections/collection.js';
import { aedsError } from '../errors/aeds-errors.js';
import type { ClientSignals } from './client-signals.js';
import type { TargetLedger } from './target-ledger.js';

/** What an operator does with clients. An open poll of the client learns of it at once. */
export class ClientDesk {
  readonly #clients: Collection<ClientRecord>;
  readonly #signals: ClientSignals;
  readonly #ledger: TargetLedger;
  readonly #clock: Clock;

  constructor(options: {
    readonly clients: Collection<ClientRecord>;
    readonly signals: ClientSignals;
    readonly ledger: TargetLedger;
    readonly clock: Clock;
  }) {
    this.#clients = options.clients;
    this.#signals = options.signals;
    this.#ledger = options.ledger;
    this.#clock = options.clock;
  }

  /** @throws DwError `DW_AEDS_CLIENT_UNKNOWN`, `DW_AEDS_CLIENT_REVOKED`. */
  async approve(clientId: string, trustLevel: number): Promise<ClientRecord> {
    const client = await this.#change(clientId, (current) => {
      if (current.revokedAt !== undefined) return current;
      return { ...current, trustLevel, approvedAt: current.approvedAt ?? this.#clock.now() };
    });
    if (client.revokedAt === undefined) return client;
    throw aedsError('DW_AEDS_CLIENT_REVOKED', { details: { clientId } });
  }

  /**
   * Takes everything from a client, for good; no job waits for it any more.
   *
   * @throws DwError `DW_AEDS_CLIENT_UNKNOWN`.
   */
  async revoke(clientId: string): Promise<ClientRecord> {
    const client = await this.#change(clientId, (current) => {
      if (current.revokedAt !== undefined) return current;
      return { ...current, trustLevel: 0, revokedAt: this.#clock.now() };
    });
    for await (const jobId of this.#ledger.inbox(clientId)) {
      await this.#ledger.closeTarget(jobId, clientId, {
        state: 'cancelled',
        code: 'DW_AEDS_CLIENT_REVOKED',
      });
    }
    return client;
  }

  async #change(
    clientId: string,
    change: (current: ClientRecord) => ClientRecord,
  ): Promise<ClientRecord> {
    const client = await this.#clients.update(clientId, change);
    if (client === undefined) throw aedsError('DW_AEDS_CLIENT_UNKNOWN', { details: { clientId } });
    this.#signals.notify(clientId);
    return client;
  }
}
