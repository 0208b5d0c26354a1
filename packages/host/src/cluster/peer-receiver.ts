import {
  collectBytes,
  DwError,
  type HttpRequest,
  type HttpResponse,
  type HttpRoute,
  type INodeIdentity,
  LinkedAbort,
  type Logger,
  MAX_PEER_MESSAGE_BYTES,
  type PeerHandler,
  peerError,
  sha256Hex,
} from '@datawarehouse/sdk';
import { statusOf } from '../api/error-status.js';
import { clusterError } from './cluster-errors.js';
import type { Freshness } from './freshness.js';
import { encodeRefusal } from './peer-refusal.js';
import {
  isPeerRequestGenuine,
  noncePattern,
  type PeerRequestClaims,
  parsePeerRequest,
  signPeerResponse,
} from './peer-signature.js';

/** What a {@link PeerReceiver} needs. */
export interface PeerReceiverOptions {
  readonly identity: INodeIdentity;
  /** Public key that a member is known by. */
  readonly publicKeyOf: (nodeId: string) => string | undefined;
  readonly freshness: Freshness;
  readonly logger: Logger;
  /** Aborted when the transport closes. */
  readonly closing: AbortSignal;
  /**
   * Most bytes of requests held at a time; more are refused.
   * @defaultValue 268435456
   */
  readonly maxHeldBytes?: number;
}

interface Refused {
  readonly error: unknown;
  readonly by: 'transport' | 'service';
}

/** Takes requests of other nodes: proves who sent them, runs their handlers, signs the answers. */
export class PeerReceiver {
  readonly route: HttpRoute;
  readonly #options: PeerReceiverOptions;
  readonly #maxHeldBytes: number;
  readonly #handlers = new Map<string, PeerHandler>();
  #heldBytes = 0;

  constructor(options: PeerReceiverOptions) {
    this.#options = options;
    this.#maxHeldBytes = options.maxHeldBytes ?? 8 * MAX_PEER_MESSAGE_BYTES;
    this.route = {
      method: 'POST',
      path: '/peer/v1/:service',
      summary: 'Calls of other nodes, authenticated by their signatures.',
      access: 'open',
      handle: (request) => this.#receive(request),
    };
  }

  handle(service: string, handler: PeerHandler): Disposable {
    if (this.#handlers.has(service)) throw new TypeError(`${service} has a handler already`);
    this.#handlers.set(service, handler);
    return {
      [Symbol.dispose]: () => {
        if (this.#handlers.get(service) === handler) this.#handlers.delete(service);
      },
    };
  }

  async #receive(request: HttpRequest): Promise<HttpResponse> {
    const held = Math.min(request.contentLength ?? MAX_PEER_MESSAGE_BYTES, MAX_PEER_MESSAGE_BYTES);
    try {
      const claims = this.#authenticate(request);
      this.#hold(held);
      try {
        const body = await this.#readBody(request, claims);
        return await this.#run(request, claims, body);
      } finally {
        this.#heldBytes -= held;
      }
    } catch (error) {
      return this.#refuse(request, { error, by: 'transport' });
    }
  }

  /** Proves everything that the head of the request claims, before a byte of the body is held. */
  #authenticate(request: HttpRequest): PeerRequestClaims {
    const { identity, publicKeyOf, freshness } = this.#options;
    const claims = parsePeerRequest(request.headers);
    if (claims.audience !== identity.nodeId) {
      throw peerError('DW_PEER_UNAUTHENTICATED', {
        message: `The request is meant for node ${claims.audience}, and this is ${identity.nodeId}`,
        details: { audience: claims.audience, nodeId: identity.nodeId },
      });
    }
    const publicKey = publicKeyOf(claims.senderId);
    if (publicKey === undefined) {
      throw peerError('DW_PEER_UNKNOWN', {
        message: `Node ${claims.senderId} is no member of the cluster here`,
        details: { nodeId: claims.senderId },
      });
    }
    freshness.assertInTime(claims.timestampMs);
    if (!isPeerRequestGenuine(claims, request.url, publicKey)) {
      throw peerError('DW_PEER_UNAUTHENTICATED', { details: { nodeId: claims.senderId } });
    }
    freshness.take(claims);
    return claims;
  }

  #hold(bytes: number): void {
    if (this.#heldBytes + bytes > this.#maxHeldBytes) {
      throw clusterError('DW_CLUSTER_BUSY', { details: { heldBytes: this.#heldBytes } });
    }
    this.#heldBytes += bytes;
  }

  async #readBody(request: HttpRequest, claims: PeerRequestClaims): Promise<Uint8Array> {
    if ((request.contentLength ?? 0) > MAX_PEER_MESSAGE_BYTES) throw tooLarge();
    const body = await collectBytes(request.body, MAX_PEER_MESSAGE_BYTES).catch(
      (error: unknown) => {
        throw DwError.is(error, 'DW_CONTENT_TOO_LARGE') ? tooLarge() : error;
      },
    );
    if (sha256Hex(body) === claims.bodyDigest) return body;
    throw peerError('DW_PEER_UNAUTHENTICATED', {
      message: 'The body of the request is not the one that was signed',
      details: { nodeId: claims.senderId },
    });
  }

  async #run(
    request: HttpRequest,
    claims: PeerRequestClaims,
    body: Uint8Array,
  ): Promise<HttpResponse> {
    const service = request.params.service ?? '';
    const handler = this.#handlers.get(service);
    if (handler === undefined) {
      throw peerError('DW_PEER_UNKNOWN_SERVICE', {
        message: `Node ${this.#options.identity.nodeId} does not offer ${service}`,
        details: { service },
      });
    }
    using abort = new LinkedAbort(request.signal, this.#options.closing);
    let answer: Uint8Array;
    try {
      answer = await handler({ from: claims.senderId, body, signal: abort.signal });
    } catch (error) {
      return this.#refuse(request, { error, by: 'service' });
    }
    if (answer.byteLength > MAX_PEER_MESSAGE_BYTES) throw tooLarge();
    return this.#answer(request, 200, 'application/octet-stream', answer);
  }

  #refuse(request: HttpRequest, { error, by }: Refused): HttpResponse {
    const { url } = request;
    if (DwError.is(error)) {
      this.#options.logger.debug({ url, by, code: error.code }, 'refused a call of another node');
    } else {
      this.#options.logger.error({ url, by, error }, 'a call of another node failed');
    }
    const status = DwError.is(error) ? statusOf(error) : 500;
    return this.#answer(request, status, 'application/json', encodeRefusal(error, by));
  }

  /** Signs the answer, also a refusal: but only to a nonce that can be one. */
  #answer(request: HttpRequest, status: number, type: string, body: Uint8Array): HttpResponse {
    const requestNonce = request.headers['dw-nonce'] ?? '';
    const requesterId = request.headers['dw-node'] ?? '';
    const signature = noncePattern.test(requestNonce)
      ? signPeerResponse(this.#options.identity, { requesterId, requestNonce, status, body })
      : {};
    return { status, headers: { 'content-type': type, ...signature }, body };
  }
}

function tooLarge(): DwError {
  return peerError('DW_PEER_TOO_LARGE', { details: { maxBytes: MAX_PEER_MESSAGE_BYTES } });
}
