import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hostError } from '../errors/host-errors.js';
import { apiError } from './api-errors.js';

/** A request that is being answered. */
export interface OpenRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client is gone, or the server closes. */
  readonly signal: AbortSignal;
}

/** How many requests a server has answered, by the first digit of the status. */
export interface RequestStatistics {
  readonly openCount: number;
  readonly answeredCounts: Readonly<Record<string, number>>;
}

interface Entry extends OpenRequest {
  readonly abort: AbortController;
}

/** The requests that are being answered, so that closing can wait for them, and then end them. */
export class OpenRequests {
  readonly #entries = new Set<Entry>();
  readonly #bySocket = new WeakMap<Socket, ServerResponse>();
  readonly #answered: Record<string, number> = { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  #isClosing = false;
  #onIdle: (() => void) | undefined;

  /** Whether new requests are refused. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Notes a request until its answer has gone, or its client. */
  enter(request: IncomingMessage, response: ServerResponse): OpenRequest {
    const abort = new AbortController();
    const entry: Entry = { request, response, abort, signal: abort.signal };
    this.#entries.add(entry);
    this.#bySocket.set(request.socket, response);
    response.once('close', () => {
      if (response.writableFinished) this.#count(response.statusCode);
      else abort.abort(apiError('DW_API_CLIENT_GONE'));
      this.#entries.delete(entry);
      if (this.#entries.size === 0) this.#onIdle?.();
    });
    return entry;
  }

  /** The answer that is under way on a connection. */
  on(socket: Socket): ServerResponse | undefined {
    return this.#bySocket.get(socket);
  }

  /**
   * Refuses new requests, and tells those at once that only wait for something to happen: reading
   * requests whose answer has not begun.
   */
  beginClosing(): void {
    this.#isClosing = true;
    for (const { request, response, abort } of this.#entries) {
      const isReading = request.method === 'GET' || request.method === 'HEAD';
      if (isReading && !response.headersSent) abort.abort(hostError('DW_HOST_STOPPED'));
    }
  }

  /** Resolves when no request is open. */
  whenIdle(): Promise<void> {
    if (this.#entries.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Ends every request with its connection. */
  destroy(): void {
    for (const { request, abort } of this.#entries) {
      abort.abort(hostError('DW_HOST_STOPPED'));
      request.socket.destroy();
    }
  }

  statistics(): RequestStatistics {
    return { openCount: this.#entries.size, answeredCounts: { ...this.#answered } };
  }

  #count(status: number): void {
    const kind = `${Math.floor(status / 100)}xx`;
    this.#answered[kind] = (this.#answered[kind] ?? 0) + 1;
  }
}
