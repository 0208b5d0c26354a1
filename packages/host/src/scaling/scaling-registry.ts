import type {
  IMessageBus,
  IScalableSubsystem,
  ReconfigureLimitsOptions,
  ScalingLimits,
  ScalingReconfigured,
} from '@datawarehouse/sdk';
import { pluginError, resolveScalingLimits, scalingReconfiguredTopic } from '@datawarehouse/sdk';
import type { HostConfiguration } from '../configuration/host-configuration.js';
import { hostError } from '../errors/host-errors.js';

/** A scalable subsystem and the plugin that provides it. */
export interface RegisteredSubsystem {
  readonly subsystem: IScalableSubsystem;
  readonly pluginId: string;
}

/** What a {@link ScalingRegistry} needs. */
export interface ScalingRegistryOptions {
  readonly bus: IMessageBus;
  /** Limits that the configuration sets, by subsystem. */
  readonly configured?: HostConfiguration['scaling'];
  readonly now?: () => number;
}

const namePattern = /^[a-z][a-z0-9-]{0,63}$/;

/** Every scalable subsystem of the node, by name, and the one way to change their limits. */
export class ScalingRegistry {
  readonly #bus: IMessageBus;
  readonly #configured: HostConfiguration['scaling'];
  readonly #now: () => number;
  readonly #subsystems = new Map<string, RegisteredSubsystem>();

  constructor(options: ScalingRegistryOptions) {
    this.#bus = options.bus;
    this.#configured = options.configured ?? {};
    this.#now = options.now ?? Date.now;
  }

  /**
   * Adds a subsystem until disposed. Call {@link applyConfigured} before it is used.
   *
   * @throws DwError `DW_PLUGIN_SERVICE_DUPLICATE` where the name is taken.
   */
  add(subsystem: IScalableSubsystem, pluginId: string): Disposable {
    const name = subsystem.subsystemName;
    if (!namePattern.test(name)) throw new TypeError(`Malformed subsystem name: ${name}`);
    const taken = this.#subsystems.get(name);
    if (taken !== undefined) {
      throw pluginError('DW_PLUGIN_SERVICE_DUPLICATE', {
        message: `Plugin ${taken.pluginId} already provides a scalable subsystem named ${name}`,
        hint: 'Give every scalable subsystem a name of its own.',
        details: { subsystem: name, pluginId: taken.pluginId },
      });
    }
    const registered: RegisteredSubsystem = { subsystem, pluginId };
    this.#subsystems.set(name, registered);
    return {
      [Symbol.dispose]: () => {
        if (this.#subsystems.get(name) === registered) this.#subsystems.delete(name);
      },
    };
  }

  /** Gives the subsystems of a plugin the limits that the configuration sets for them. */
  async applyConfigured(pluginId: string): Promise<void> {
    for (const { subsystem, pluginId: owner } of this.list()) {
      const limits = Object.entries(this.#configured[subsystem.subsystemName]?.limits ?? {});
      const changes: Partial<ScalingLimits> = Object.fromEntries(
        limits.filter(([, value]) => value !== undefined),
      );
      if (owner !== pluginId || Object.keys(changes).length === 0) continue;
      await this.reconfigure(subsystem.subsystemName, changes, { reason: 'configuration' });
    }
  }

  /** Names that the configuration sets limits for, and that nobody provides. */
  unknownConfigured(): readonly string[] {
    return Object.keys(this.#configured).filter((name) => !this.#subsystems.has(name));
  }

  /** All subsystems, in the order they were added. */
  list(): readonly RegisteredSubsystem[] {
    return [...this.#subsystems.values()];
  }

  get(name: string): RegisteredSubsystem | undefined {
    return this.#subsystems.get(name);
  }

  /**
   * Changes limits of a subsystem, and publishes `scalingReconfiguredTopic`.
   *
   * @throws DwError `DW_HOST_SUBSYSTEM_UNKNOWN`, `DW_SCALING_INVALID_LIMITS`, or what the
   *   subsystem throws; nothing is changed then.
   */
  async reconfigure(
    name: string,
    changes: Partial<ScalingLimits>,
    options: ReconfigureLimitsOptions = {},
  ): Promise<ScalingReconfigured> {
    const registered = this.#subsystems.get(name);
    if (registered === undefined) {
      throw hostError('DW_HOST_SUBSYSTEM_UNKNOWN', {
        message: `No plugin provides a scalable subsystem named ${name}`,
        details: { subsystem: name, known: [...this.#subsystems.keys()] },
      });
    }
    const { subsystem } = registered;
    const oldLimits = subsystem.currentLimits;
    resolveScalingLimits(changes, oldLimits);
    await subsystem.reconfigureLimitsAsync(changes, options);
    const event: ScalingReconfigured = Object.freeze({
      subsystemName: name,
      oldLimits,
      newLimits: subsystem.currentLimits,
      timestamp: this.#now(),
    });
    await this.#bus.publish(scalingReconfiguredTopic, event);
    return event;
  }
}
