import { type Clock, verifyEd25519 } from '@datawarehouse/sdk';
import type { AedsCollections } from '../collections/aeds-collections.js';
import type { ClientRecord } from '../collections/client-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import { fingerprintOf } from '../identity/identifiers.js';
import type { TrustStore } from '../manifests/trust-store.js';
import type { EnrolmentRequest, EnrolmentResponse } from '../protocol/agent-messages.js';
import { enrolmentRequestBytes, isSameCode, requestCode, responseCode } from './enrolment-proof.js';
import type { Invitations } from './invitations.js';

const PENDING_LEVEL = 1;

export interface EnrolmentDeskOptions {
  readonly collections: Pick<AedsCollections, 'clients' | 'channels'>;
  readonly invitations: Invitations;
  /** Keys that clients of this node trust. */
  readonly trust: TrustStore;
  readonly serverId: string;
  readonly clock: Clock;
}

/** Registers clients that know a PIN, and proves to them who this server is. */
export class EnrolmentDesk {
  readonly #options: EnrolmentDeskOptions;

  constructor(options: EnrolmentDeskOptions) {
    this.#options = options;
  }

  /**
   * Registers a client, pending until an operator approves it. The same request again, by the same
   * key, is answered again.
   *
   * @throws DwError as {@link Invitations.redeem}; `DW_AEDS_CHANNEL_UNKNOWN`, and the client may
   *   try again with other channels.
   */
  async enrol(request: EnrolmentRequest): Promise<EnrolmentResponse> {
    const { invitations, serverId, trust } = this.#options;
    const isSigned = verifyEd25519(
      enrolmentRequestBytes(request),
      request.signature,
      request.publicKey,
    );
    if (!isSigned) throw aedsError('DW_AEDS_UNAUTHENTICATED');
    return await invitations.redeem(
      request.invitationId,
      request.publicKey,
      (key) => isSameCode(requestCode(key, request), request.code),
      async (key) => {
        const client = await this.#register(request);
        const response = { serverId, clientId: client.clientId, anchors: [...trust.anchors] };
        return { ...response, code: responseCode(key, request, response) };
      },
    );
  }

  async #register(request: EnrolmentRequest): Promise<ClientRecord> {
    const { collections, clock } = this.#options;
    const { name, publicKey, capabilities, channels } = request;
    for (const channelId of channels) {
      if ((await collections.channels.get(channelId)) === undefined) {
        throw aedsError('DW_AEDS_CHANNEL_UNKNOWN', { details: { channelId } });
      }
    }
    const clientId = fingerprintOf(publicKey);
    const client: ClientRecord = {
      clientId,
      name,
      publicKey,
      trustLevel: PENDING_LEVEL,
      registeredAt: clock.now(),
      subscribedChannels: [...channels],
      capabilities,
    };
    if (await collections.clients.create(clientId, client)) return client;
    const known = await collections.clients.get(clientId);
    if (known?.publicKey !== publicKey) throw aedsError('DW_AEDS_UNAUTHENTICATED');
    return known;
  }
}
