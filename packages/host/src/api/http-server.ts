import type { Clock, HttpRoute, HttpRouteRegistry, Logger } from '@datawarehouse/sdk';
import type { HostView } from './host-view.js';

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
}

/** The node's HTTP API. */
export declare class HttpServer implements AsyncDisposable {
  static open(options: HttpServerOptions): Promise<HttpServer>;
  /** Where plugins add their routes. */
  readonly routes: HttpRouteRegistry;
  /**
   * Begins to listen.
   *
   * @returns The address to call it at, such as `http://127.0.0.1:7080`.
   * @throws DwError `DW_HOST_PORT_IN_USE`, `DW_HOST_ADDRESS`.
   */
  listen(): Promise<string>;
  /**
   * Stops accepting, lets requests in flight end for `graceMs`, then ends them.
   *
   * @param options.graceMs - Default: 10 000.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
