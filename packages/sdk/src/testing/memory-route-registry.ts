import type { HttpRoute, HttpRouteRegistry } from '../plugin/http-route.js';

/** Routes of one plugin, without a server. */
export class MemoryRouteRegistry implements HttpRouteRegistry {
  readonly #routes = new Map<string, HttpRoute>();

  /** The routes in force, in the order they were added. */
  get list(): readonly HttpRoute[] {
    return [...this.#routes.values()];
  }

  add(route: HttpRoute): Disposable {
    const key = `${route.method} ${route.path}`;
    if (this.#routes.has(key)) throw new TypeError(`There is a route ${key} already`);
    this.#routes.set(key, route);
    return {
      [Symbol.dispose]: () => {
        if (this.#routes.get(key) === route) this.#routes.delete(key);
      },
    };
  }
}
