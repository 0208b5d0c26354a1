import { type Contract, contractName } from '../compatibility/contract.js';
import { pluginError } from '../errors/plugin-errors.js';
import type { ServiceRegistry } from '../plugin/service-registry.js';
import { IScalableSubsystem } from '../scaling/scalable-subsystem.js';

/** The one contract that any number may provide. */
const severalAllowed: symbol = IScalableSubsystem;

/** Services of one plugin and those it was given, without a container. */
export class MemoryServiceRegistry implements ServiceRegistry {
  readonly #provided = new Map<symbol, Set<{ readonly service: unknown }>>();

  get<T>(token: Contract<T>): T {
    const services = this.getAll(token);
    if (services.length === 0) {
      throw pluginError('DW_PLUGIN_SERVICE_MISSING', {
        message: `No plugin provides ${contractName(token)}`,
        details: { contract: contractName(token) },
      });
    }
    return services[0] as T;
  }

  tryGet<T>(token: Contract<T>): T | undefined {
    return this.getAll(token)[0];
  }

  getAll<T>(token: Contract<T>): readonly T[] {
    return [...(this.#provided.get(token) ?? [])].map(({ service }) => service as T);
  }

  provide<T>(token: Contract<T>, service: T): Disposable {
    const entries = this.#provided.get(token) ?? new Set();
    if (entries.size > 0 && token !== severalAllowed) {
      throw pluginError('DW_PLUGIN_SERVICE_DUPLICATE', {
        message: `${contractName(token)} is already provided`,
        details: { contract: contractName(token) },
      });
    }
    const entry = { service };
    this.#provided.set(token, entries.add(entry));
    return {
      [Symbol.dispose]: () => {
        entries.delete(entry);
      },
    };
  }
}
