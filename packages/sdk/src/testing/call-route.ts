import { contentError } from '../errors/content-errors.js';
import { collectBytes } from '../plugin/collect-bytes.js';
import type { HttpRequest, HttpRoute } from '../plugin/http-route.js';

/** What a {@link callRoute} sends beside method and address. */
export interface CallRouteOptions {
  /** Names in any case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is; text as UTF-8, and anything that is no text and no bytes as JSON. */
  readonly body?: unknown;
  /** Aborted when the client is gone. */
  readonly signal?: AbortSignal;
}

/** A route's answer, read to its end. */
export interface CallRouteResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON answer as a client would parse it. */
  readonly json: unknown;
  /** The answer's bytes, where it has a body. */
  readonly body: Uint8Array | undefined;
}

/**
 * Calls a contributed route as a server would, without one. What its handler throws is thrown here.
 *
 * @param context - Whatever holds the routes, such as a `TestPluginContext`.
 * @param url - Path with query, percent-encoded.
 * @throws TypeError where no route fits; ZodError where the JSON body does not fit its schema;
 *   {@link DwError} `DW_CONTENT_TOO_LARGE` where the body is longer than the route allows.
 */
export async function callRoute(
  context: { readonly routes: { readonly list: readonly HttpRoute[] } },
  method: HttpRequest['method'],
  url: string,
  options: CallRouteOptions = {},
): Promise<CallRouteResponse> {
  const { pathname, searchParams } = new URL(url, 'http://test.invalid');
  const { route, params } = find(context.routes.list, method, pathname);
  const sent = toBytes(options.body);
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const { bodySchema } = route;
  const response = await route.handle({
    method,
    url,
    params,
    query: Object.fromEntries(searchParams),
    headers,
    body: limited(sent, route.maxBodyBytes),
    json: bodySchema && bodySchema.parse(await parseJson(limited(sent, route.maxBodyBytes))),
    contentLength: sent?.byteLength,
    signal: options.signal ?? new AbortController().signal,
  });
  const { json, body } = response;
  const isEmpty = json === undefined && body === undefined;
  return {
    status: response.status ?? (isEmpty ? 204 : 200),
    headers: response.headers ?? {},
    json: json === undefined ? undefined : (JSON.parse(JSON.stringify(json)) as unknown),
    body: body && (await collectBytes(body instanceof Uint8Array ? pieces(body) : body, 2 ** 31)),
  };
}

function find(
  routes: readonly HttpRoute[],
  method: HttpRequest['method'],
  pathname: string,
): { readonly route: HttpRoute; readonly params: Readonly<Record<string, string>> } {
  const wanted = method === 'HEAD' ? 'GET' : method;
  const fitting = routes.flatMap((route) => {
    const params = route.method === wanted ? match(route.path, pathname) : undefined;
    return params ? [{ route, params }] : [];
  });
  // As a router does: a name that is written out wins over a parameter, from left to right.
  const rank = (path: string): string => path.replace(/:[^/]+/g, '\uffff');
  const [best] = fitting.sort((a, b) => (rank(a.route.path) < rank(b.route.path) ? -1 : 1));
  if (best === undefined) throw new TypeError(`No route fits ${method} ${pathname}`);
  return best;
}

function match(path: string, pathname: string): Record<string, string> | undefined {
  const names = path.split('/');
  const segments = pathname.split('/');
  if (names.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const segment = segments[index] ?? '';
    if (name.startsWith(':') && segment !== '') params[name.slice(1)] = decodeURIComponent(segment);
    else if (name !== segment) return undefined;
  }
  return params;
}

function toBytes(body: unknown): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

async function* pieces(bytes: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  if (bytes !== undefined && bytes.byteLength > 0) yield bytes;
}

async function* limited(
  bytes: Uint8Array | undefined,
  maxBodyBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  if (bytes !== undefined && bytes.byteLength > maxBodyBytes) {
    throw contentError('DW_CONTENT_TOO_LARGE', { details: { maxBytes: maxBodyBytes } });
  }
  yield* pieces(bytes);
}

async function parseJson(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  const bytes = await collectBytes(body, 1_048_576);
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
}
