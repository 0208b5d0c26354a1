import {
  type Clock,
  type DwError,
  type INodeIdentity,
  type PeerErrorCode,
  peerError,
} from '@datawarehouse/sdk';
import { clusterError } from './cluster-errors.js';
import type { Freshness } from './freshness.js';
import {
  type Hello,
  type HelloAnswer,
  MAX_HELLO_ANSWER_BYTES,
  openAnswer,
  openHello,
  sealAnswer,
  sealHello,
} from './hello-message.js';
import type { PeerHttpClient } from './peer-http-client.js';
import { decodeRefusal, type PeerRefusal } from './peer-refusal.js';
import { newNonce } from './peer-signature.js';

/** Path at which nodes meet. */
export const HELLO_PATH = '/peer/v1/hello';

/** What a {@link Greeter} needs. */
export interface GreeterOptions {
  readonly identity: INodeIdentity;
  readonly client: PeerHttpClient;
  readonly freshness: Freshness;
  readonly clock: Clock;
  /** Without it the node stands alone. */
  readonly secret: string | undefined;
  /** Address that other nodes are told to call. */
  readonly endpoint: () => string;
}

/** How a node is greeted. */
export interface GreetOptions {
  readonly isExplicit: boolean;
  readonly timeoutMs: number;
  /** Id that the node must have, where it is known. */
  readonly nodeId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Says hello and answers it: both sides prove the secret and their keys, and nothing is stored. */
export class Greeter {
  readonly #options: GreeterOptions;

  constructor(options: GreeterOptions) {
    this.#options = options;
  }

  /**
   * Greets the node at an address.
   *
   * @returns Its answer, proven.
   * @throws DwError `DW_CLUSTER_NO_SECRET`, `DW_CLUSTER_SELF`, `DW_CLUSTER_CLOSED`, and those of
   *   `IClusterMembership.join`.
   */
  async greet(endpoint: string, options: GreetOptions): Promise<HelloAnswer> {
    const { identity, client, freshness, clock } = this.#options;
    const secret = this.#secret();
    const hello: Hello = {
      ...this.#self(clock.now()),
      nonce: newNonce(),
      audience: options.nodeId,
      isExplicit: options.isExplicit,
    };
    const reply = await client.post({
      endpoint,
      path: HELLO_PATH,
      headers: { 'content-type': 'application/json' },
      body: sealHello(hello, identity, secret),
      timeoutMs: options.timeoutMs,
      maxResponseBytes: MAX_HELLO_ANSWER_BYTES,
      signal: options.signal,
    });
    if (reply.status !== 200) throw refused(endpoint, reply.status, decodeRefusal(reply.body));
    const answer = openAnswer(reply.body, secret);
    if (answer.requestNonce !== hello.nonce) {
      throw peerError('DW_PEER_BAD_RESPONSE', {
        message: `The answer of ${endpoint} belongs to another hello`,
        details: { endpoint },
      });
    }
    freshness.assertInTime(answer.timestampMs);
    this.#assertNoNamesake(answer);
    if (this.isSelf(answer)) {
      throw clusterError('DW_CLUSTER_SELF', { details: { endpoint } });
    }
    if (options.nodeId === undefined || options.nodeId === answer.nodeId) return answer;
    throw peerError('DW_PEER_IDENTITY_MISMATCH', {
      message: `At ${endpoint} there is node ${answer.nodeId}, and not ${options.nodeId}`,
      hint: 'Check the addresses of both nodes.',
      details: { endpoint, expected: options.nodeId, found: answer.nodeId },
    });
  }

  /**
   * Reads a hello of another node.
   *
   * @throws DwError `DW_CLUSTER_NO_SECRET`, `DW_PEER_UNAUTHENTICATED`, `DW_PEER_CLOCK_SKEW`,
   *   `DW_PEER_REPLAYED`, `DW_PEER_IDENTITY_MISMATCH`.
   */
  receive(bytes: Uint8Array): Hello {
    const { identity, freshness } = this.#options;
    const hello = openHello(bytes, this.#secret());
    freshness.take(hello);
    this.#assertNoNamesake(hello);
    if (hello.audience !== undefined && hello.audience !== identity.nodeId) {
      throw peerError('DW_PEER_IDENTITY_MISMATCH', {
        message: `This is node ${identity.nodeId}, and not ${hello.audience}`,
        hint: 'Check the addresses of both nodes.',
        details: { expected: hello.audience, found: identity.nodeId },
      });
    }
    return hello;
  }

  /** Makes the answer to a hello. */
  answer(hello: Hello, members: HelloAnswer['members']): Uint8Array {
    const { identity, clock } = this.#options;
    const answer = { ...this.#self(clock.now()), requestNonce: hello.nonce, members };
    return sealAnswer(answer, identity, this.#secret());
  }

  /** Whether a proven node is this one, that called itself. */
  isSelf(node: Pick<Hello, 'nodeId' | 'publicKey'>): boolean {
    const { nodeId, publicKey } = this.#options.identity;
    return node.nodeId === nodeId && node.publicKey === publicKey;
  }

  /** Id of this node. */
  get nodeId(): string {
    return this.#options.identity.nodeId;
  }

  /** Whether the node has a secret, and so can be in a cluster. */
  get canMeet(): boolean {
    return this.#options.secret !== undefined;
  }

  #secret(): string {
    const { secret } = this.#options;
    if (secret === undefined) throw clusterError('DW_CLUSTER_NO_SECRET');
    return secret;
  }

  #self(
    timestampMs: number,
  ): Pick<Hello, 'version' | 'nodeId' | 'publicKey' | 'endpoint' | 'timestampMs'> {
    const { identity, endpoint } = this.#options;
    const { nodeId, publicKey } = identity;
    return { version: 1, nodeId, publicKey, endpoint: endpoint(), timestampMs };
  }

  #assertNoNamesake(node: Pick<Hello, 'nodeId' | 'publicKey'>): void {
    const { nodeId } = this.#options.identity;
    if (node.nodeId !== nodeId || this.isSelf(node)) return;
    throw peerError('DW_PEER_IDENTITY_MISMATCH', {
      message: `Two nodes have the id ${nodeId}`,
      hint: 'Give each node an id of its own.',
      details: { nodeId },
    });
  }
}

/** Refusals of a meeting that mean the same on this side. They are not proven, and only reported. */
const sameCodes: readonly PeerErrorCode[] = [
  'DW_PEER_UNAUTHENTICATED',
  'DW_PEER_IDENTITY_MISMATCH',
  'DW_PEER_CLOCK_SKEW',
];

function refused(endpoint: string, status: number, refusal: PeerRefusal | undefined): DwError {
  if (refusal === undefined) {
    return peerError(status >= 502 ? 'DW_PEER_UNREACHABLE' : 'DW_PEER_BAD_RESPONSE', {
      message: `What answers at ${endpoint} is not a node that can be met (status ${status})`,
      details: { endpoint, status },
    });
  }
  const { code, message, hint, retryable } = refusal.error;
  return peerError(sameCodes.find((same) => same === code) ?? 'DW_PEER_REFUSED', {
    message: `The node at ${endpoint} refused to meet: ${message}`,
    ...(hint !== undefined && { hint }),
    retryable,
    details: { endpoint, remote: refusal.error },
  });
}
