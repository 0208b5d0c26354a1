import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, HttpRequest, HttpResponse, HttpRoute, Logger } from '@datawarehouse/sdk';
import { hostError } from '../errors/host-errors.js';
import { apiError } from './api-errors.js';
import { errorResponse } from './error-response.js';
import type { OpenRequest, OpenRequests } from './open-requests.js';
import { parseQuery } from './query.js';
import { RequestBody, readJson, tooLarge } from './request-body.js';
import { writeResponse } from './response-writer.js';
import type { RouteMatch, RouteTable } from './route-table.js';
import type { TokenGuard } from './token-guard.js';

/** What a {@link RequestHandler} needs. */
export interface RequestHandlerOptions {
  readonly routes: RouteTable;
  readonly guard: TokenGuard;
  readonly open: OpenRequests;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Longest wait for the next bytes of a body, in either direction. */
  readonly bodyIdleMs: number;
}

const defaultJsonBytes = 1_048_576;
/** How long the rest of a body that nobody reads may keep a connection. */
const lingerMs = 1_000;

/** Answers one request: finds its route, lets its caller in, runs it, and writes what it answers. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
  }

  /** Never rejects: what goes wrong is answered, or ends the connection. */
  async handle(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const { clock, open } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const entry = open.enter(request, response);
    try {
      await this.#write(entry, id, await this.#answer(entry));
    } catch (error) {
      await this.#fail(entry, id, error);
    }
    this.#leaveBody(request, response);
    this.#options.logger.debug(
      {
        requestId: id,
        method: request.method,
        path: request.url?.split('?', 1).join(''),
        status: response.statusCode,
        durationMs: Math.round(clock.monotonicMs() - startedAtMs),
      },
      'answered a request',
    );
  }

  async #answer(entry: OpenRequest): Promise<HttpResponse> {
    const { open, routes, guard } = this.#options;
    const { request } = entry;
    if (open.isClosing) throw hostError('DW_HOST_STOPPED');
    const match = routes.find(request.method ?? '', request.url ?? '/');
    if (match.route.access !== 'open') guard.assertOperator(request.headers.authorization);
    return match.route.handle(await this.#prepare(entry, match));
  }

  async #prepare({ request, signal }: OpenRequest, match: RouteMatch): Promise<HttpRequest> {
    const { route, params } = match;
    const { clock, bodyIdleMs } = this.#options;
    const url = request.url ?? '/';
    const contentLength = lengthOf(request);
    const maxBytes = limitOf(route);
    if (maxBytes !== undefined && (contentLength ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const query = parseQuery(url);
    const body = new RequestBody(request, { clock, maxBytes, idleMs: bodyIdleMs, signal });
    const json = await parseBody(route, body, maxBytes);
    return {
      method: request.method as HttpRequest['method'],
      url,
      params,
      query,
      headers: headersOf(request),
      body,
      json,
      contentLength,
      signal,
    };
  }

  async #write(entry: OpenRequest, id: string, answer: HttpResponse): Promise<void> {
    const { request, response } = entry;
    if (response.destroyed) return;
    await writeResponse(response, answer, {
      idleMs: this.#options.bodyIdleMs,
      isHead: request.method === 'HEAD',
      headers: {
        'x-request-id': id,
        'x-content-type-options': 'nosniff',
        ...(this.#options.open.isClosing && { connection: 'close' }),
      },
    });
  }

  async #fail(entry: OpenRequest, id: string, error: unknown): Promise<void> {
    const { request, response, signal } = entry;
    const { logger } = this.#options;
    const answer = errorResponse(error);
    const fields = { requestId: id, method: request.method, error };
    if (signal.aborted) logger.debug(fields, 'a request ended early');
    else if (answer.status === 500) logger.error(fields, 'a request failed');
    // What has begun cannot be taken back: only a broken connection tells that it is not whole.
    if (response.headersSent) response.destroy();
    else await this.#write(entry, id, answer).catch(() => response.destroy());
  }

  /** Takes in the rest of a body that was not read, for a while: the client reads the answer then. */
  #leaveBody(request: IncomingMessage, response: ServerResponse): void {
    if (request.complete || response.destroyed) return;
    request.resume();
    this.#options.clock.setTimeout(() => {
      if (!request.complete) request.socket.destroy();
    }, lingerMs);
  }
}

function limitOf({ bodySchema, maxBodyBytes }: HttpRoute): number | undefined {
  return maxBodyBytes ?? (bodySchema === undefined ? undefined : defaultJsonBytes);
}

async function parseBody(
  { bodySchema }: HttpRoute,
  body: RequestBody,
  maxBytes: number = defaultJsonBytes,
): Promise<unknown> {
  if (bodySchema === undefined) return undefined;
  const result = bodySchema.safeParse(await readJson(body, maxBytes));
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => {
    const path = issue.path.join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  throw apiError('DW_API_INVALID_BODY', {
    message: `The body does not have the expected shape: ${issues.join('; ')}`,
    details: { issues },
  });
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const text = headers['content-length'];
  return text === undefined ? undefined : Number(text);
}

function headersOf(request: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}
