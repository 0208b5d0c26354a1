import type { ZodType } from 'zod';

/** Method of a contributed route. `GET` routes answer `HEAD` too. */
export type HttpMethod = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/** A request as a contributed route gets it. */
export interface HttpRequest {
  readonly method: HttpMethod | 'HEAD';
  /** Path with query as sent, percent-encoded: what a signature covers. */
  readonly url: string;
  /** Decoded path parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Decoded query; the last of repeated names counts. */
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body as they arrive. Read it once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Parsed and checked JSON body, where the route has a `bodySchema`. */
  readonly json: unknown;
  /** Length that the client announced. */
  readonly contentLength: number | undefined;
  /** Aborted when the client is gone or the host stops. */
  readonly signal: AbortSignal;
}

/** What a contributed route answers. */
export interface HttpResponse {
  /** @defaultValue 200, or 204 without a body */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answered as JSON. */
  readonly json?: unknown;
  /** Answered as it is. Where the length is known, say it in `content-length`. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** A route that a plugin adds to the host's HTTP API, until disposed or the plugin stops. */
export interface HttpRoute {
  readonly method: HttpMethod;
  /** Absolute path with `:name` parameters, below `/api/v1/` or `/<plugin>/v1/`. */
  readonly path: string;
  /** One sentence for people. */
  readonly summary: string;
  /**
   * Who may call: the `operator` with the node's token, or anybody (`open`), where the handler
   * itself decides.
   * @defaultValue 'operator'
   */
  readonly access?: 'operator' | 'open';
  /** Shape of a JSON body. Without it the body is a stream. */
  readonly bodySchema?: ZodType;
  /**
   * Most bytes of the body; a longer one is answered with 413.
   * @defaultValue 1048576 with a `bodySchema`, otherwise no limit
   */
  readonly maxBodyBytes?: number;
  /** Answers a request. A `DwError` becomes the status of its category with its code. */
  handle(request: HttpRequest): Promise<HttpResponse>;
}

/** Adds routes to the host's HTTP API. */
export interface HttpRouteRegistry {
  /** Adds a route. A second one of the same method and path is a `TypeError`. */
  add(route: HttpRoute): Disposable;
}
