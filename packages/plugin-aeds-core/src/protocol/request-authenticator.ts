import {
  type Clock,
  type HttpRequest,
  sha256Hex,
  signedRequestBytes,
  verifyEd25519,
} from '@datawarehouse/sdk';
import type { ClientRecord } from '../collections/client-record.js';
import type { Collection } from '../collections/collection.js';
import { aedsError } from '../errors/aeds-errors.js';
import { NonceMemory } from './nonce-memory.js';
import { signatureHeaders } from './request-signing.js';

export interface RequestAuthenticatorOptions {
  readonly clients: Collection<ClientRecord>;
  /** Id of this node: requests meant for another are refused. */
  readonly audience: string;
  /** How far a request's time may be from this clock, in milliseconds. */
  readonly windowMs: number;
  readonly clock: Clock;
}

/** A client that a request is proven to come from. */
export interface AuthenticatedClient {
  readonly client: ClientRecord;
  readonly nonce: string;
}

/** Tells which client signed a request, once, within a window of time. */
export class RequestAuthenticator {
  readonly #options: RequestAuthenticatorOptions;
  readonly #nonces: NonceMemory;

  constructor(options: RequestAuthenticatorOptions) {
    this.#options = options;
    // A request from the edge of the future stays in the window for twice its width.
    this.#nonces = new NonceMemory(2 * options.windowMs, options.clock);
  }

  /**
   * @throws DwError `DW_AEDS_UNAUTHENTICATED`, `DW_AEDS_CLOCK_SKEW`, `DW_AEDS_REPLAYED`,
   *   `DW_AEDS_OVERLOADED`.
   */
  async authenticate(request: HttpRequest, body: Uint8Array): Promise<AuthenticatedClient> {
    const header = (name: string): string => request.headers[name] ?? '';
    const clientId = header(signatureHeaders.client);
    const nonce = header(signatureHeaders.nonce);
    const timestampMs = Number(header(signatureHeaders.timestamp));
    if (!/^[0-9a-f]{32}$/.test(nonce) || !/^[0-9a-z]{20}$/.test(clientId)) {
      throw aedsError('DW_AEDS_UNAUTHENTICATED');
    }
    this.#assertInWindow(timestampMs);
    const client = await this.#options.clients.get(clientId);
    const signed = signedRequestBytes({
      method: request.method,
      url: request.url,
      senderId: clientId,
      audience: this.#options.audience,
      timestampMs,
      nonce,
      bodyDigest: sha256Hex(body),
    });
    const signature = header(signatureHeaders.signature);
    if (client === undefined || !verifyEd25519(signed, signature, client.publicKey)) {
      throw aedsError('DW_AEDS_UNAUTHENTICATED');
    }
    // After the signature, so that nobody can fill the memory with invented nonces.
    const verdict = this.#nonces.add(`${clientId}.${nonce}`);
    if (verdict === 'known') throw aedsError('DW_AEDS_REPLAYED');
    if (verdict === 'full') throw aedsError('DW_AEDS_OVERLOADED');
    return { client, nonce };
  }

  #assertInWindow(timestampMs: number): void {
    const { clock, windowMs } = this.#options;
    if (!Number.isSafeInteger(timestampMs)) throw aedsError('DW_AEDS_UNAUTHENTICATED');
    const differenceMs = timestampMs - clock.now();
    if (Math.abs(differenceMs) > windowMs) {
      throw aedsError('DW_AEDS_CLOCK_SKEW', { details: { differenceMs, windowMs } });
    }
  }
}
