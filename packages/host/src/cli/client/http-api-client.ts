import type { ApiClient, ApiRequest, ApiResponse } from '@datawarehouse/sdk';
import { Agent, type Dispatcher, request as send } from 'undici';
import { notANode, parseJson, refusalError } from './api-answer.js';
import { connectionError } from './connection-error.js';
import type { NodeAddress } from './node-address.js';

type Method = Parameters<ApiClient['request']>[0];
type SendableBody = NonNullable<Dispatcher.DispatchOptions['body']>;

/** Options of an {@link HttpApiClient}. */
export interface HttpApiClientOptions {
  readonly address: NodeAddress;
  /** Applies to requests that bring no signal of their own, and to those that do. */
  readonly signal?: AbortSignal;
  /** Told about each request. */
  readonly log?: (line: string) => void;
  /**
   * Longest silence of the node, in milliseconds.
   * @defaultValue 300000
   */
  readonly silenceMs?: number;
}

/** Most bytes of an answer that is read whole. */
const maxJsonBytes = 64 * 1024 * 1024;

/** Calls the HTTP API of one node over kept-alive connections. Bodies stream in both directions. */
export class HttpApiClient implements ApiClient, AsyncDisposable {
  readonly endpoint: string;
  readonly #address: NodeAddress;
  readonly #options: HttpApiClientOptions;
  readonly #agent: Agent;

  constructor(options: HttpApiClientOptions) {
    const silenceMs = options.silenceMs ?? 300_000;
    this.endpoint = options.address.endpoint;
    this.#address = options.address;
    this.#options = options;
    this.#agent = new Agent({
      connect: { timeout: 5_000 },
      headersTimeout: silenceMs,
      bodyTimeout: silenceMs,
    });
  }

  async request(method: Method, path: string, request: ApiRequest = {}): Promise<ApiResponse> {
    const url = this.#url(path, request.query);
    const startedMs = performance.now();
    const response = await this.#send(method, url, request);
    const { statusCode: status } = response;
    const tookMs = Math.round(performance.now() - startedMs);
    this.#options.log?.(`${method} ${url} ${status} in ${tookMs} ms`);
    if (status >= 200 && status <= 299) return this.#answer(response);
    if (status === 304) return this.#answer(response);
    throw refusalError(
      {
        status,
        asksForToken: response.headers['www-authenticate'] !== undefined,
        bodyText: await this.#text(response),
        isHead: method === 'HEAD',
      },
      this.#address,
    );
  }

  /** Ends every connection, also one that is in use. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #send(method: Method, url: string, request: ApiRequest): Promise<Dispatcher.ResponseData> {
    const signal = this.#signal(request.signal);
    signal?.throwIfAborted();
    const body = request.json === undefined ? request.body : JSON.stringify(request.json);
    try {
      return await send(url, {
        dispatcher: this.#agent,
        method,
        headers: {
          authorization: `Bearer ${this.#address.token}`,
          ...(request.json !== undefined && { 'content-type': 'application/json' }),
          ...(request.body !== undefined && { 'content-type': 'application/octet-stream' }),
          ...request.headers,
        },
        ...(body !== undefined && { body: streamable(body) }),
        ...(signal !== undefined && { signal }),
      });
    } catch (error) {
      throw connectionError(error, this.#address) ?? error;
    }
  }

  #answer(response: Dispatcher.ResponseData): ApiResponse {
    return {
      status: response.statusCode,
      headers: flatHeaders(response.headers),
      body: this.#bytes(response),
      json: async () => {
        const text = await this.#text(response);
        const value = parseJson(text);
        if (value === undefined) throw notANode(this.#address);
        return value;
      },
    };
  }

  async #text(response: Dispatcher.ResponseData): Promise<string> {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of this.#bytes(response)) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxJsonBytes) throw notANode(this.#address);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async *#bytes(response: Dispatcher.ResponseData): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response.body) yield chunk as Uint8Array;
    } catch (error) {
      throw connectionError(error, this.#address) ?? error;
    }
  }

  #url(path: string, query: ApiRequest['query'] = {}): string {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) given.set(name, String(value));
    }
    const search = given.toString();
    return `${this.endpoint}${path}${search === '' ? '' : `?${search}`}`;
  }

  #signal(signal: AbortSignal | undefined): AbortSignal | undefined {
    const own = this.#options.signal;
    // The command line gives its commands its own signal, and that lives as long as the process.
    if (own === undefined || signal === undefined || signal === own) return signal ?? own;
    return AbortSignal.any([own, signal]);
  }
}

/** Undici takes Node's streams and buffers; an iterable is read as fast as it is sent. */
function streamable(body: string | Uint8Array | AsyncIterable<Uint8Array>): SendableBody {
  return body as SendableBody;
}

function flatHeaders(
  headers: Dispatcher.ResponseData['headers'],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}
