import { type Clock, collectBytes, DwError, LinkedAbort } from '@datawarehouse/sdk';
import { Agent, type Dispatcher, request as send } from 'undici';
import { z } from 'zod';
import { type AedsErrorCode, aedsError, aedsErrors } from '../errors/aeds-errors.js';

/** Longest silence of a server that is not waiting on purpose, in milliseconds. */
const silenceMs = 30_000;
/** What proxies and starting or stopping nodes answer. */
const absentStatuses: ReadonlySet<number> = new Set([502, 503, 504]);
const maxJsonBytes = 8 * 1024 * 1024;

/** One request to the server. */
export interface ServerRequest {
  readonly method: 'GET' | 'POST';
  /** Path with query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Most bytes of the answer; a longer one is refused. */
  readonly maxBytes?: number;
  /** Longest that the whole request may take. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A successful answer. */
export interface ServerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const errorBody = z.object({
  error: z.object({
    code: z.string().regex(/^DW_[A-Z0-9_]{1,96}$/),
    message: z.string().max(2000),
    retryable: z.boolean().optional(),
  }),
});

/** Talks to one server over HTTP. Follows no redirect and inflates nothing. */
export class ServerConnection implements AsyncDisposable {
  readonly endpoint: string;
  readonly clock: Clock;
  readonly #dispatcher: Dispatcher;

  /** @param endpoint - Origin of the server, such as `http://127.0.0.1:7080`. */
  constructor(endpoint: string, clock: Clock) {
    const url = URL.parse(endpoint);
    if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/') {
      throw aedsError('DW_AEDS_REQUEST_INVALID', {
        message: `Not the address of a server: ${endpoint.slice(0, 200)}`,
        hint: 'Give it as http://host:port or https://host:port.',
      });
    }
    this.endpoint = url.origin;
    this.clock = clock;
    this.#dispatcher = new Agent({
      connections: 128,
      headersTimeout: silenceMs + 30_000,
      bodyTimeout: silenceMs,
    });
  }

  /**
   * @throws DwError `DW_AEDS_SERVER_UNREACHABLE`, `DW_AEDS_SERVER_REFUSED` or the code that the server
   *   gave, where it is one of AEDS.
   */
  async request(request: ServerRequest): Promise<ServerResponse> {
    const { method, path, timeoutMs, signal, maxBytes = maxJsonBytes } = request;
    using until = new LinkedAbort(signal);
    const reason = (): Error => new Error(`no answer within ${timeoutMs} ms`);
    until.abortAfter(timeoutMs, { clock: this.clock, reason });
    try {
      const response = await send(this.endpoint + path, {
        method,
        dispatcher: this.#dispatcher,
        signal: until.signal,
        headers: {
          ...request.headers,
          ...(request.body && { 'content-type': 'application/json' }),
        },
        ...(request.body && { body: request.body }),
      });
      const isSuccess = response.statusCode >= 200 && response.statusCode < 300;
      const body = await collectBytes(response.body, isSuccess ? maxBytes : maxJsonBytes);
      if (!isSuccess) throw refusal(response.statusCode, body);
      return { status: response.statusCode, headers: flat(response.headers), body };
    } catch (cause) {
      signal.throwIfAborted();
      if (DwError.is(cause, 'DW_CONTENT_TOO_LARGE')) {
        throw aedsError('DW_AEDS_SERVER_REFUSED', {
          message: 'The server’s answer is longer than it may be',
          cause,
        });
      }
      if (DwError.is(cause)) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw aedsError('DW_AEDS_SERVER_UNREACHABLE', {
        message: `The server at ${this.endpoint} could not be reached: ${reason}`,
        cause,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.destroy();
  }
}

/** Reads JSON that a server sent. */
export function parseAnswer<T extends z.ZodType>(schema: T, body: Uint8Array): z.output<T> {
  try {
    return schema.parse(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch (cause) {
    throw aedsError('DW_AEDS_SERVER_REFUSED', {
      message: 'The server’s answer is malformed',
      cause,
    });
  }
}

/** The error that a server answered with. Nobody has signed it: good for people, not for decisions. */
function refusal(status: number, body: Uint8Array): DwError {
  if (absentStatuses.has(status)) {
    return aedsError('DW_AEDS_SERVER_UNREACHABLE', {
      message: `The server is not ready (${status})`,
      details: { status },
    });
  }
  const parsed = errorBody.safeParse(jsonOrNothing(body));
  if (!parsed.success) return aedsError('DW_AEDS_SERVER_REFUSED', { details: { status } });
  const { code, message } = parsed.data.error;
  if (isOurs(code)) return aedsError(code, { message, details: { status } });
  return aedsError('DW_AEDS_SERVER_REFUSED', { message, details: { status, code } });
}

function isOurs(code: string): code is AedsErrorCode {
  return Object.hasOwn(aedsErrors, code);
}

function jsonOrNothing(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (error) {
    // A proxy's page, say. The status tells enough.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function flat(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
