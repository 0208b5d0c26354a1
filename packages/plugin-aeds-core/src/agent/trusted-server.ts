import { apiPath, contentChunkCount } from '@datawarehouse/sdk';
import type { z } from 'zod';
import { aedsError } from '../errors/aeds-errors.js';
import type { KeyPair } from '../identity/key-pair-file.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';
import type { TrustStore } from '../manifests/trust-store.js';
import {
  MAX_POLL_WAIT_MS,
  type PollRequest,
  type PollResponse,
  pollResponseSchema,
  type Report,
  type ReportResponse,
  reportResponseSchema,
} from '../protocol/agent-messages.js';
import { isResponseSigned, signatureHeaders, signRequest } from '../protocol/request-signing.js';
import type { PayloadSource } from '../transfer/verified-download.js';
import { parseAnswer, type ServerConnection } from './server-connection.js';

const exchangeTimeoutMs = 30_000;
const digestBytes = 32;
/** Slower than this is not a download but a way to keep the agent busy. */
const leastBytesPerMs = 16;

/** The server, as an enrolled agent knows it: signs what it asks, and believes only signed answers. */
export class TrustedServer {
  readonly #connection: ServerConnection;
  readonly #identity: KeyPair;
  readonly #serverId: string;
  readonly #trust: TrustStore;

  constructor(options: {
    readonly connection: ServerConnection;
    readonly identity: KeyPair;
    readonly serverId: string;
    readonly trust: TrustStore;
  }) {
    this.#connection = options.connection;
    this.#identity = options.identity;
    this.#serverId = options.serverId;
    this.#trust = options.trust;
  }

  poll(message: PollRequest, signal: AbortSignal): Promise<PollResponse> {
    const timeoutMs = exchangeTimeoutMs + MAX_POLL_WAIT_MS;
    return this.#exchange('/aeds/v1/agent/poll', message, pollResponseSchema, timeoutMs, signal);
  }

  report(reports: readonly Report[], signal: AbortSignal): Promise<ReportResponse> {
    return this.#exchange(
      '/aeds/v1/agent/reports',
      { reports },
      reportResponseSchema,
      exchangeTimeoutMs,
      signal,
    );
  }

  /** Where the payload of a job can be read. */
  payload(jobId: string, payload: IntentManifest['payload']): PayloadSource {
    const path = apiPath('aeds', 'v1', 'agent', 'jobs', jobId, 'payloads', payload.payloadId);
    return {
      chunkDigests: async (signal) => {
        const bytes = contentChunkCount(payload.sizeBytes) * digestBytes;
        const list = Buffer.from(await this.#read(`${path}/chunks`, bytes, {}, signal));
        return Array.from({ length: Math.floor(list.byteLength / digestBytes) }, (_, index) =>
          list.toString('hex', index * digestBytes, (index + 1) * digestBytes),
        );
      },
      read: (start, end, signal) =>
        this.#read(path, end - start, { range: `bytes=${start}-${end - 1}` }, signal),
    };
  }

  async #read(
    path: string,
    maxBytes: number,
    extra: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { headers } = this.#sign('GET', path, new Uint8Array(0));
    const { body } = await this.#connection.request({
      method: 'GET',
      path,
      headers: { ...headers, ...extra },
      maxBytes,
      timeoutMs: exchangeTimeoutMs + Math.ceil(maxBytes / leastBytesPerMs),
      signal,
    });
    return body;
  }

  async #exchange<T extends z.ZodType>(
    path: string,
    message: object,
    schema: T,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<z.output<T>> {
    const body = Buffer.from(JSON.stringify(message), 'utf8');
    const { headers, nonce } = this.#sign('POST', path, body);
    const answer = await this.#connection.request({
      method: 'POST',
      ...{ path, headers, body, timeoutMs, signal },
    });
    const isSigned = isResponseSigned(
      { serverId: this.#serverId, clientId: this.#identity.keyId, nonce, body: answer.body },
      answer.headers[signatureHeaders.responseSignature] ?? '',
      this.#trust.validKeys('transport', this.#connection.clock.now()),
    );
    if (!isSigned) throw aedsError('DW_AEDS_SERVER_NOT_AUTHENTIC');
    return parseAnswer(schema, answer.body);
  }

  #sign(method: 'GET' | 'POST', url: string, body: Uint8Array): ReturnType<typeof signRequest> {
    const nowMs = this.#connection.clock.now();
    const request = { method, url, audience: this.#serverId, body, nowMs };
    return signRequest(request, this.#identity);
  }
}
