import { collectBytes, type HttpRequest, type HttpResponse } from '@datawarehouse/sdk';
import type { z } from 'zod';
import { type ClientRecord, clientStatusOf } from '../collections/client-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import type { KeyPair } from '../identity/key-pair-file.js';
import { MAX_AGENT_BODY_BYTES } from '../protocol/agent-messages.js';
import type {
  AuthenticatedClient,
  RequestAuthenticator,
} from '../protocol/request-authenticator.js';
import { signatureHeaders, signResponse } from '../protocol/request-signing.js';
import { parseRequest } from './parse-request.js';

/** Lets in what clients have signed, and signs what they are answered. */
export class AgentGate {
  readonly #authenticator: RequestAuthenticator;
  readonly #key: KeyPair;
  readonly #serverId: string;

  constructor(options: {
    readonly authenticator: RequestAuthenticator;
    /** The transport key, which clients trust. */
    readonly key: KeyPair;
    readonly serverId: string;
  }) {
    this.#authenticator = options.authenticator;
    this.#key = options.key;
    this.#serverId = options.serverId;
  }

  /** Answers a signed JSON request in signed JSON. */
  async exchange<T extends z.ZodType>(
    request: HttpRequest,
    schema: T,
    handle: (client: ClientRecord, message: z.output<T>) => Promise<object>,
  ): Promise<HttpResponse> {
    const bytes = await collectBytes(request.body, MAX_AGENT_BODY_BYTES);
    const { client, nonce } = await this.#authenticator.authenticate(request, bytes);
    const message = parseRequest(schema, parseJson(bytes));
    return this.#signed(await handle(client, message), { client, nonce });
  }

  /** Tells which approved client asks for something that has no body. */
  async approvedClient(request: HttpRequest): Promise<ClientRecord> {
    const { client } = await this.#authenticator.authenticate(request, new Uint8Array(0));
    assertApproved(client);
    return client;
  }

  #signed(answer: object, { client, nonce }: AuthenticatedClient): HttpResponse {
    const body = Buffer.from(JSON.stringify(answer), 'utf8');
    const { clientId } = client;
    const parts = { serverId: this.#serverId, clientId, nonce, body };
    return {
      headers: {
        'content-type': 'application/json',
        'content-length': String(body.byteLength),
        [signatureHeaders.responseSignature]: signResponse(parts, this.#key),
      },
      body,
    };
  }
}

/** @throws DwError `DW_AEDS_CLIENT_REVOKED`, `DW_AEDS_CLIENT_NOT_APPROVED`. */
export function assertApproved(client: ClientRecord): void {
  const { clientId } = client;
  const status = clientStatusOf(client);
  if (status === 'revoked') throw aedsError('DW_AEDS_CLIENT_REVOKED', { details: { clientId } });
  if (status === 'pending') {
    throw aedsError('DW_AEDS_CLIENT_NOT_APPROVED', { details: { clientId } });
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw aedsError('DW_AEDS_REQUEST_INVALID', { message: 'The body is not JSON', cause });
  }
}
