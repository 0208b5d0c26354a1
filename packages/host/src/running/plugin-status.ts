import type { DwError, PluginHealth } from '@datawarehouse/sdk';

/**
 * Where a plugin is in its life: `found` before its turn, `refused` without its code being run,
 * `failed` when it threw or hung.
 */
export type PluginState = 'found' | 'refused' | 'initialized' | 'running' | 'failed' | 'stopped';

/** What is wrong with a plugin, for people and for the API. */
export interface PluginProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Puts an error into words. */
export function describeProblem({ code, message, hint }: DwError): PluginProblem {
  return Object.freeze({ code, message, ...(hint !== undefined && { hint }) });
}

/** A plugin as the API and the command line show it. */
export interface PluginStatus {
  /** Id from the manifest; where there is none, what the configuration names. */
  readonly id: string;
  /** Name of the package, or the folder where it has none. */
  readonly packageName: string;
  /** Absent where the package could not be read. */
  readonly version?: string;
  readonly state: PluginState;
  /** Whether the host refuses to start without it. */
  readonly required: boolean;
  /** Absent where the manifest could not be read. */
  readonly sdkRange?: string;
  /** Ids of the plugins that it cannot do without. */
  readonly dependencies: readonly string[];
  /** Names of the commands that it adds to `dw`. */
  readonly commands: readonly string[];
  /** What a running plugin says of itself. */
  readonly health?: PluginHealth;
  /** Why it was refused or failed. */
  readonly error?: PluginProblem;
  /** Everything that is wrong with it, `error` first. */
  readonly problems: readonly PluginProblem[];
  /** Time that initialising and starting took. */
  readonly startedInMs?: number;
}
