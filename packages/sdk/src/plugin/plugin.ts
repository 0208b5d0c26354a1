import { type Contract, contract } from '../compatibility/contract.js';
import type { PluginContext } from './plugin-context.js';

/** What a plugin says of its own health. */
export interface PluginHealth {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  /** Why it is not healthy, for people. */
  readonly reason?: string;
}

/**
 * A plugin. Its package's `entry` exports a function `createPlugin` that returns one.
 *
 * The host calls `initializeAsync` once, in order of dependency; then `startAsync`; at the end
 * `stopAsync`, in reverse order, also after a failed start. Whatever the plugin opened through its
 * context is closed for it after `stopAsync`.
 */
export interface IPlugin {
  /** Opens what the plugin needs, and provides its services and its scaling manager. */
  initializeAsync(context: PluginContext): Promise<void>;

  /** Begins work. All plugins have been initialised. */
  startAsync?(): Promise<void>;

  /**
   * Drains and stops.
   *
   * @param deadline - Aborted when the time for an orderly end is over.
   */
  stopAsync?(deadline: AbortSignal): Promise<void>;

  /** Reports health. Cheap; called at every health request. Default: healthy while it runs. */
  health?(): PluginHealth;
}

/** Injection token of the contract of the same name. */
export const IPlugin: Contract<IPlugin> = contract('dw.sdk.IPlugin', { introduced: '6.0.0' });

/** What the module named by a manifest's `entry` exports. */
export interface PluginModule {
  createPlugin(): IPlugin;
}
