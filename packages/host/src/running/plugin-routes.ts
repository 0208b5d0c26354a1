import type { HttpRequest, HttpResponse, HttpRoute, HttpRouteRegistry } from '@datawarehouse/sdk';
import { hostError } from '../errors/host-errors.js';
import type { ResourceStack } from './resource-stack.js';

/** The routes of one plugin: they answer while it runs, and go with it. */
export class PluginRoutes implements HttpRouteRegistry {
  readonly #routes: HttpRouteRegistry;
  readonly #pluginId: string;
  readonly #scope: ResourceStack;
  readonly #isServing: () => boolean;
  readonly #inFlight = new Set<Promise<unknown>>();

  constructor(
    routes: HttpRouteRegistry,
    options: {
      readonly pluginId: string;
      readonly scope: ResourceStack;
      readonly isServing: () => boolean;
    },
  ) {
    this.#routes = routes;
    this.#pluginId = options.pluginId;
    this.#scope = options.scope;
    this.#isServing = options.isServing;
  }

  add(route: HttpRoute): Disposable {
    const handle = (request: HttpRequest): Promise<HttpResponse> => this.#serve(route, request);
    return this.#scope.lend(this.#routes.add({ ...route, handle }));
  }

  /** Resolves when no handler is at work. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  async #serve(route: HttpRoute, request: HttpRequest): Promise<HttpResponse> {
    if (!this.#isServing()) {
      throw hostError('DW_PLUGIN_NOT_RUNNING', {
        message: `Plugin ${this.#pluginId} is not running`,
        details: { pluginId: this.#pluginId },
      });
    }
    const answer = route.handle(request);
    this.#inFlight.add(answer);
    try {
      return await answer;
    } finally {
      this.#inFlight.delete(answer);
    }
  }
}
