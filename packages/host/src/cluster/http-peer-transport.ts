import {
  type Clock,
  type DwError,
  type HttpRoute,
  type INodeIdentity,
  type IPeerTransport,
  LinkedAbort,
  type Logger,
  MAX_PEER_MESSAGE_BYTES,
  type PeerCallOptions,
  type PeerHandler,
  peerError,
} from '@datawarehouse/sdk';
import { clusterError } from './cluster-errors.js';
import type { Freshness } from './freshness.js';
import type { PeerAnswer, PeerHttpClient } from './peer-http-client.js';
import { PeerReceiver } from './peer-receiver.js';
import { decodeRefusal, refusalError } from './peer-refusal.js';
import { isPeerResponseGenuine, newNonce, signPeerRequest } from './peer-signature.js';

/** A member as the transport needs it. */
export interface PeerAddress {
  readonly endpoint: string;
  readonly publicKey: string;
}

/** What an {@link HttpPeerTransport} needs. */
export interface HttpPeerTransportOptions {
  readonly identity: INodeIdentity;
  readonly client: PeerHttpClient;
  /** Address and key of a member. */
  readonly member: (nodeId: string) => PeerAddress | undefined;
  readonly freshness: Freshness;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when a member says that it does not know this node. */
  readonly onStranger?: (nodeId: string) => void;
}

const servicePattern = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const defaultTimeoutMs = 10_000;

/** Calls between nodes over HTTP, signed in both directions. Every node answers `ping`. */
export class HttpPeerTransport implements IPeerTransport {
  readonly #options: HttpPeerTransportOptions;
  readonly #receiver: PeerReceiver;
  readonly #closing = new LinkedAbort();

  constructor(options: HttpPeerTransportOptions) {
    this.#options = options;
    this.#receiver = new PeerReceiver({
      identity: options.identity,
      publicKeyOf: (nodeId) => options.member(nodeId)?.publicKey,
      freshness: options.freshness,
      logger: options.logger,
      closing: this.#closing.signal,
    });
    this.#receiver.handle('ping', async () => new Uint8Array());
  }

  /** Serves the calls of other nodes. */
  get route(): HttpRoute {
    return this.#receiver.route;
  }

  handle(service: string, handler: PeerHandler): Disposable {
    assertService(service);
    if (service === 'hello') throw new TypeError('hello is how nodes meet, and no service');
    return this.#receiver.handle(service, handler);
  }

  async call(
    nodeId: string,
    service: string,
    body: Uint8Array,
    options: PeerCallOptions = {},
  ): Promise<Uint8Array> {
    const { timeoutMs = defaultTimeoutMs, signal } = options;
    assertService(service);
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 3_600_000) {
      throw new TypeError(`timeoutMs lies outside 1 to 3600000: ${timeoutMs}`);
    }
    signal?.throwIfAborted();
    const member = this.#options.member(nodeId);
    if (member === undefined) throw peerError('DW_PEER_UNKNOWN', { details: { nodeId } });
    if (body.byteLength > MAX_PEER_MESSAGE_BYTES) {
      throw peerError('DW_PEER_TOO_LARGE', {
        details: { sizeBytes: body.byteLength, maxBytes: MAX_PEER_MESSAGE_BYTES },
      });
    }
    const { identity, client, clock } = this.#options;
    const path = `/peer/v1/${service}`;
    const nonce = newNonce();
    const answer = await client.post({
      endpoint: member.endpoint,
      path,
      headers: {
        'content-type': 'application/octet-stream',
        ...signPeerRequest(identity, {
          url: path,
          audience: nodeId,
          timestampMs: clock.now(),
          nonce,
          body,
        }),
      },
      body,
      timeoutMs,
      maxResponseBytes: MAX_PEER_MESSAGE_BYTES,
      signal,
    });
    return this.#take(nodeId, member, nonce, answer);
  }

  /** Ends the handlers that run for other nodes. */
  close(): void {
    this.#closing.abort(clusterError('DW_CLUSTER_CLOSED'));
  }

  #take(nodeId: string, member: PeerAddress, nonce: string, answer: PeerAnswer): Uint8Array {
    const { status, headers, body } = answer;
    const { identity } = this.#options;
    const parts = {
      responderId: nodeId,
      requesterId: identity.nodeId,
      requestNonce: nonce,
      status,
      body,
    };
    if (!isPeerResponseGenuine(parts, headers['dw-signature'], member.publicKey)) {
      throw unproven(nodeId, status);
    }
    if (status === 200) return body;
    const refusal = decodeRefusal(body);
    if (refusal === undefined) throw unproven(nodeId, status);
    if (refusal.by === 'transport' && refusal.error.code === 'DW_PEER_UNKNOWN') {
      this.#options.onStranger?.(nodeId);
    }
    throw refusalError(nodeId, refusal);
  }
}

function unproven(nodeId: string, status: number): DwError {
  // A node that stops, and a proxy before one that is gone, cannot sign what they say.
  if (status === 502 || status === 503 || status === 504) {
    return peerError('DW_PEER_UNREACHABLE', {
      message: `Node ${nodeId} is not there to answer (status ${status})`,
      details: { nodeId, status },
    });
  }
  return peerError('DW_PEER_BAD_RESPONSE', { details: { nodeId, status } });
}

function assertService(service: string): void {
  if (service.length > 200 || !servicePattern.test(service)) {
    throw new TypeError(`Malformed service name: ${service}`);
  }
}
