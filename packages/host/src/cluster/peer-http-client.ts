import { type Clock, DwError, LinkedAbort, peerError } from '@datawarehouse/sdk';
import { Agent, errors } from 'undici';
import { clusterError } from './cluster-errors.js';

/** One message to another node. */
export interface PeerPost {
  readonly endpoint: string;
  /** Path as it is signed. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** What came back. Nothing in it is proven yet. */
export interface PeerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

/** How many connections and calls a {@link PeerHttpClient} holds. */
export interface PeerHttpClientOptions {
  readonly clock: Clock;
  /**
   * Most connections to one node.
   * @defaultValue 32
   */
  readonly maxConnectionsPerNode?: number;
  /**
   * Most calls under way, waiting ones included; more are refused.
   * @defaultValue 1024
   */
  readonly maxCalls?: number;
}

/** Posts messages to other nodes over kept connections. */
export class PeerHttpClient implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #maxCalls: number;
  readonly #agent: Agent;
  readonly #closing = new LinkedAbort();
  #calls = 0;

  constructor(options: PeerHttpClientOptions) {
    this.#clock = options.clock;
    this.#maxCalls = options.maxCalls ?? 1024;
    this.#agent = new Agent({
      connections: options.maxConnectionsPerNode ?? 32,
      pipelining: 1,
      keepAliveMaxTimeout: 30_000,
      connect: { timeout: 5_000 },
      // Each call has a time limit of its own.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Posts one message and reads the answer.
   *
   * @throws DwError `DW_PEER_UNREACHABLE`, `DW_PEER_TIMEOUT`, `DW_PEER_TOO_LARGE`,
   *   `DW_PEER_BAD_RESPONSE`, `DW_CLUSTER_BUSY`, `DW_CLUSTER_CLOSED`; or `signal.reason`.
   */
  async post(message: PeerPost): Promise<PeerAnswer> {
    message.signal?.throwIfAborted();
    if (this.#calls >= this.#maxCalls) {
      throw clusterError('DW_CLUSTER_BUSY', { details: { callsUnderWay: this.#calls } });
    }
    using abort = new LinkedAbort(message.signal, this.#closing.signal);
    const { endpoint, timeoutMs } = message;
    const reason = (): DwError =>
      peerError('DW_PEER_TIMEOUT', { details: { endpoint, timeoutMs } });
    abort.abortAfter(timeoutMs, { clock: this.#clock, reason });
    this.#calls += 1;
    try {
      return await this.#exchange(message, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) throw abort.signal.reason;
      throw DwError.is(error) ? error : failure(message.endpoint, error);
    } finally {
      this.#calls -= 1;
    }
  }

  /** Ends calls under way with `DW_CLUSTER_CLOSED`, and closes every connection. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(clusterError('DW_CLUSTER_CLOSED'));
    await this.#agent.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #exchange(message: PeerPost, signal: AbortSignal): Promise<PeerAnswer> {
    signal.throwIfAborted();
    const { statusCode, headers, body } = await this.#agent.request({
      origin: message.endpoint,
      path: message.path,
      method: 'POST',
      headers: message.headers,
      body: message.body,
      signal,
    });
    const pieces: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      sizeBytes += piece.byteLength;
      if (sizeBytes > message.maxResponseBytes) throw answerTooLarge(message);
      pieces.push(piece);
    }
    return { status: statusCode, headers, body: Buffer.concat(pieces, sizeBytes) };
  }
}

function answerTooLarge({ endpoint, maxResponseBytes }: PeerPost): DwError {
  return peerError('DW_PEER_TOO_LARGE', {
    message: 'The node’s answer is larger than the limit',
    details: { endpoint, maxBytes: maxResponseBytes },
  });
}

function failure(endpoint: string, cause: unknown): DwError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof errors.HTTPParserError) {
    return peerError('DW_PEER_BAD_RESPONSE', {
      message: `What answers at ${endpoint} does not speak HTTP: ${reason}`,
      cause,
      details: { endpoint },
    });
  }
  return peerError('DW_PEER_UNREACHABLE', {
    message: `The node at ${endpoint} could not be reached: ${reason}`,
    cause,
    details: { endpoint },
  });
}
