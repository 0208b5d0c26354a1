import type { HttpMethod, HttpRoute, HttpRouteRegistry } from '@datawarehouse/sdk';
import findMyWay from 'find-my-way';
import { apiError } from './api-errors.js';

/** A route and what the address says for its parameters. */
export interface RouteMatch {
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
}

/** Longest parameter in a path, in characters as sent. */
const maxParamLength = 16_384;
const methods: readonly HttpMethod[] = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'];
const pathPattern = /^\/[a-z][a-z0-9-]*\/v1(?:\/(?::[A-Za-z_]\w*|[A-Za-z0-9._~-]+))+$/;

/** The routes that are served now. They come and go with the plugins that add them. */
export class RouteTable implements HttpRouteRegistry {
  readonly #router = findMyWay({
    maxParamLength,
    // Both make `find` return a result without a store, where it would return nothing.
    onBadUrl: ignore,
    onMaxParamLength: ignore,
  });

  /** @param hostRoutes - Routes of the host itself, which may lie anywhere. */
  constructor(hostRoutes: readonly HttpRoute[] = []) {
    for (const route of hostRoutes) this.#insert(route);
  }

  add(route: HttpRoute): Disposable {
    if (!pathPattern.test(route.path)) {
      throw new TypeError(`Not a path below /api/v1/ or /<plugin>/v1/: ${route.path}`);
    }
    return this.#insert(route);
  }

  /**
   * Finds who serves an address.
   *
   * @param url - Path with query, as sent.
   * @throws DwError `DW_API_NOT_FOUND`, `DW_API_METHOD_NOT_ALLOWED`, `DW_API_BAD_ENCODING`,
   *   `DW_API_URL_TOO_LONG`.
   */
  find(method: string, url: string): RouteMatch {
    const wanted = methods.find((known) => known === (method === 'HEAD' ? 'GET' : method));
    const match = wanted && this.#lookUp(wanted, url);
    if (match !== undefined) return match;
    const allowed = methods.filter((other) => this.#lookUp(other, url) !== undefined);
    if (allowed.length === 0) {
      throw apiError('DW_API_NOT_FOUND', { details: { method, path: pathOf(url) } });
    }
    throw apiError('DW_API_METHOD_NOT_ALLOWED', {
      message: `The address does not take ${method}`,
      details: { allowed: allowed.includes('GET') ? ['HEAD', ...allowed] : allowed },
    });
  }

  #insert(route: HttpRoute): Disposable {
    const { method, path } = route;
    if (this.#router.hasRoute(method, path)) {
      throw new TypeError(`There is a route for ${method} ${path} already`);
    }
    this.#router.on(method, path, ignore, route);
    let isThere = true;
    return {
      [Symbol.dispose]: () => {
        if (isThere) this.#router.off(method, path);
        isThere = false;
      },
    };
  }

  #lookUp(method: HttpMethod, url: string): RouteMatch | undefined {
    // The type does not tell that nothing may be found.
    const found = this.#router.find(method, url) as {
      readonly store: HttpRoute | null;
      readonly params: Readonly<Record<string, string>>;
    } | null;
    if (found === null) return undefined;
    if (found.store !== null) return { route: found.store, params: found.params };
    throw apiError(isWellEncoded(pathOf(url)) ? 'DW_API_URL_TOO_LONG' : 'DW_API_BAD_ENCODING');
  }
}

function pathOf(url: string): string {
  return url.split('?', 1).join('').slice(0, 1_000);
}

function isWellEncoded(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}

function ignore(): void {
  // Routes are looked up, and never run, by the router.
}
