import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Clock, HttpRoute, HttpRouteRegistry, Logger } from '@datawarehouse/sdk';
import { delay, systemClock } from '@datawarehouse/sdk';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { hostError } from '../errors/host-errors.js';
import { answerClientError } from './client-error.js';
import type { HostView } from './host-view.js';
import { EventLoopLag } from './metrics/event-loop-lag.js';
import { OpenRequests } from './open-requests.js';
import { RequestHandler } from './request-handler.js';
import { RouteTable } from './route-table.js';
import { hostRoutes } from './routes/host-routes.js';
import { TokenGuard } from './token-guard.js';

/** What an {@link HttpServer} is opened with. */
export interface HttpServerOptions {
  /** Address to listen on, such as `127.0.0.1`. */
  readonly host: string;
  /** Port to listen on; 0 takes any free one. */
  readonly port: number;
  /** What an operator must show. */
  readonly token: string;
  readonly view: HostView;
  readonly logger: Logger;
  /** Routes for other nodes: `cluster.httpRoutes`. */
  readonly peerRoutes?: readonly HttpRoute[];
  readonly clock?: Clock;
  /** Limits against slow and many clients. */
  readonly limits?: Partial<HttpServerLimits>;
}

/** What clients may take. */
export interface HttpServerLimits {
  /** Time for the head of a request. Default: 15 000. */
  readonly headMs: number;
  /** Longest wait for the next bytes of a body, in either direction. Default: 60 000. */
  readonly bodyIdleMs: number;
  /** How often slow heads are looked for. Default: 2 000. */
  readonly checkMs: number;
  /** Most connections; more are closed at once. Default: 16 384. */
  readonly maxConnections: number;
}

const defaultLimits: HttpServerLimits = Object.freeze({
  headMs: 15_000,
  bodyIdleMs: 60_000,
  checkMs: 2_000,
  maxConnections: 16_384,
});

/** Most bytes of a request's head: room for names of 16 KiB in the address. */
const maxHeaderBytes = 64 * 1024;
const defaultGraceMs = 10_000;

/** The node's HTTP API. */
export class HttpServer implements AsyncDisposable {
  readonly #options: HttpServerOptions;
  readonly #routes: RouteTable;
  readonly #open = new OpenRequests();
  readonly #app: FastifyInstance;
  readonly #lag: EventLoopLag;
  #closing: Promise<void> | undefined;

  private constructor(options: HttpServerOptions) {
    const { view, logger, clock = systemClock } = options;
    const limits = { ...defaultLimits, ...options.limits };
    this.#options = options;
    this.#lag = new EventLoopLag(clock);
    this.#routes = new RouteTable([
      ...hostRoutes({ view, requests: () => this.#open.statistics(), lag: this.#lag, clock }),
      ...(options.peerRoutes ?? []),
    ]);
    const handler = new RequestHandler({
      routes: this.#routes,
      guard: new TokenGuard(options.token),
      open: this.#open,
      logger,
      clock,
      bodyIdleMs: limits.bodyIdleMs,
    });
    this.#app = createApp(handler, this.#open, limits);
  }

  static async open(options: HttpServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options);
    await server.#app.ready();
    return server;
  }

  /** Where plugins add their routes. */
  get routes(): HttpRouteRegistry {
    return this.#routes;
  }

  /**
   * Begins to listen.
   *
   * @returns The address to call it at, such as `http://127.0.0.1:7080`.
   * @throws DwError `DW_HOST_PORT_IN_USE`, `DW_HOST_ADDRESS`.
   */
  async listen(): Promise<string> {
    const { host, port } = this.#options;
    try {
      await this.#app.listen({ host, port });
    } catch (cause) {
      const isInUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
      throw hostError(isInUse ? 'DW_HOST_PORT_IN_USE' : 'DW_HOST_ADDRESS', {
        message: isInUse
          ? `Port ${port} on ${host} is in use`
          : `The host cannot listen on ${host}, port ${port}`,
        cause,
        details: { host, port },
      });
    }
    return endpointOf(host, this.#app.server.address() as AddressInfo);
  }

  /**
   * Stops accepting, lets requests in flight end for `graceMs`, then ends them.
   *
   * @param options.graceMs - Default: 10 000.
   */
  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.graceMs ?? defaultGraceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(graceMs: number): Promise<void> {
    this.#open.beginClosing();
    const closed = this.#app.close();
    const grace = new AbortController();
    const { clock = systemClock } = this.#options;
    await Promise.race([
      this.#open.whenIdle(),
      delay(graceMs, { clock, signal: grace.signal }).catch(() => undefined),
    ]);
    grace.abort();
    this.#open.destroy();
    this.#app.server.closeAllConnections();
    await closed;
    this.#lag[Symbol.dispose]();
  }
}

function createApp(
  handler: RequestHandler,
  open: OpenRequests,
  limits: HttpServerLimits,
): FastifyInstance {
  const prefix = randomBytes(4).toString('hex');
  let count = 0;
  const takeOver = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    void handler.handle(request.raw, reply.raw, request.id);
  };
  const app = Fastify({
    logger: false,
    genReqId: () => `${prefix}-${((count += 1)).toString(36)}`,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // Uploads and long polls may take as long as they move; slow heads and idle bodies may not.
    requestTimeout: 0,
    connectionTimeout: 0,
    http: {
      headersTimeout: limits.headMs,
      connectionsCheckingInterval: limits.checkMs,
      maxHeaderSize: maxHeaderBytes,
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, open.on(socket)),
    // Addresses that fastify cannot decode: the table of routes finds that too, and says so.
    frameworkErrors: (_error, request, reply) => takeOver(request, reply),
  });
  // Taken over before fastify looks at bodies: ours are streams, with limits and schemas by route.
  app.addHook('onRequest', takeOver);
  app.all('/*', (_request, reply) => reply);
  app.setNotFoundHandler((_request, reply) => reply);
  app.server.maxConnections = limits.maxConnections;
  return app;
}

/** An address that can be called: a wildcard stands for this machine. */
function endpointOf(host: string, { port, address, family }: AddressInfo): string {
  if (address === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (address === '::') return `http://[::1]:${port}`;
  return `http://${family === 'IPv6' && host.includes(':') ? `[${host}]` : host}:${port}`;
}
