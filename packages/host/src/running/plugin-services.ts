import type { Contract, ServiceRegistry } from '@datawarehouse/sdk';
import type { HostServices } from '../composition/host-services.js';
import type { ResourceStack } from './resource-stack.js';

/** The host's services as one plugin sees them: what it provides is taken back with it. */
export class PluginServices implements ServiceRegistry {
  readonly #services: HostServices;
  readonly #pluginId: string;
  readonly #scope: ResourceStack;
  /** Views of the host's own services that end with the plugin. */
  readonly #views: ReadonlyMap<symbol, unknown>;

  constructor(
    services: HostServices,
    options: {
      readonly pluginId: string;
      readonly scope: ResourceStack;
      readonly views: ReadonlyMap<symbol, unknown>;
    },
  ) {
    this.#services = services;
    this.#pluginId = options.pluginId;
    this.#scope = options.scope;
    this.#views = options.views;
  }

  get<T>(token: Contract<T>): T {
    return this.#views.has(token) ? (this.#views.get(token) as T) : this.#services.get(token);
  }

  tryGet<T>(token: Contract<T>): T | undefined {
    return this.#views.has(token) ? (this.#views.get(token) as T) : this.#services.tryGet(token);
  }

  getAll<T>(token: Contract<T>): readonly T[] {
    if (this.#views.has(token)) return [this.#views.get(token) as T];
    return this.#services.getAll(token);
  }

  provide<T>(token: Contract<T>, service: T): Disposable {
    return this.#scope.lend(this.#services.provide(token, service, this.#pluginId));
  }
}
