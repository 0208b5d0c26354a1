import type { Contract } from '../compatibility/contract.js';

/** The host's dependency injection, as a plugin sees it. */
export interface ServiceRegistry {
  /**
   * Returns the one service provided under a contract.
   *
   * @throws {@link DwError} `DW_PLUGIN_SERVICE_MISSING`.
   */
  get<T>(token: Contract<T>): T;

  /** Returns the service, or `undefined` where nobody provides it. */
  tryGet<T>(token: Contract<T>): T | undefined;

  /** Returns every service provided under a contract, in the order they were provided. */
  getAll<T>(token: Contract<T>): readonly T[];

  /**
   * Provides a service until disposed, or until the plugin stops.
   *
   * @throws {@link DwError} `DW_PLUGIN_SERVICE_DUPLICATE` where one is provided already and the
   *   contract is not `IScalableSubsystem`, which any number may provide.
   */
  provide<T>(token: Contract<T>, service: T): Disposable;
}
