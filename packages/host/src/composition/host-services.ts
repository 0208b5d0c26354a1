import {
  type Contract,
  contractName,
  IScalableSubsystem,
  pluginError,
  type IScalableSubsystem as ScalableSubsystem,
} from '@datawarehouse/sdk';
import type { Container } from 'inversify';
import type { ScalingRegistry } from '../scaling/scaling-registry.js';

/** Maps contract tokens to the container's bindings, for plugins, which know no container. */
export class HostServices {
  readonly #container: Container;
  readonly #scaling: ScalingRegistry;
  /** Who provides each contract that only one may provide. */
  readonly #providers = new Map<symbol, string>();

  constructor(container: Container, scaling: ScalingRegistry) {
    this.#container = container;
    this.#scaling = scaling;
  }

  /** @throws DwError `DW_PLUGIN_SERVICE_MISSING`. */
  get<T>(token: Contract<T>): T {
    const [service] = this.#bound(token);
    if (service !== undefined) return service;
    throw pluginError('DW_PLUGIN_SERVICE_MISSING', {
      message: `Nobody provides ${contractName(token)}`,
      details: { contract: contractName(token) },
    });
  }

  tryGet<T>(token: Contract<T>): T | undefined {
    return this.#bound(token)[0];
  }

  getAll<T>(token: Contract<T>): readonly T[] {
    return this.#bound(token);
  }

  /**
   * Binds a service until disposed.
   *
   * @throws DwError `DW_PLUGIN_SERVICE_DUPLICATE`.
   */
  provide<T>(token: Contract<T>, service: T, pluginId: string): Disposable {
    if ((token as symbol) === IScalableSubsystem) {
      const registration = this.#scaling.add(service as ScalableSubsystem, pluginId);
      return this.#bind(token, service, () => {
        registration[Symbol.dispose]();
      });
    }
    if (this.#container.isBound(token)) {
      const name = contractName(token);
      const provider = this.#providers.get(token);
      throw pluginError('DW_PLUGIN_SERVICE_DUPLICATE', {
        message: `${name} is already provided by ${provider === undefined ? 'the host' : `plugin ${provider}`}`,
        hint: `Load one provider of ${name}.`,
        details: { contract: name, pluginId, ...(provider !== undefined && { provider }) },
      });
    }
    this.#providers.set(token, pluginId);
    return this.#bind(token, service, () => {
      this.#providers.delete(token);
    });
  }

  #bind<T>(token: Contract<T>, service: T, onEnd: () => void): Disposable {
    const binding = this.#container.bind<T>(token).toConstantValue(service).getIdentifier();
    let isBound = true;
    return {
      [Symbol.dispose]: () => {
        if (!isBound) return;
        isBound = false;
        this.#container.unbind(binding);
        onEnd();
      },
    };
  }

  #bound<T>(token: Contract<T>): readonly T[] {
    return this.#container.isBound(token) ? this.#container.getAll<T>(token) : [];
  }
}
