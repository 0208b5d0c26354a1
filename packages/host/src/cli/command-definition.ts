import type { CliArgument, CliCommand, CliContext, CliOption } from '@datawarehouse/sdk';
import type { ConfigurationOverrides } from '../configuration/configuration-overrides.js';
import type { HostConfiguration } from '../configuration/host-configuration.js';
import type { CliEnvironment } from './cli-environment.js';
import type { GlobalOptions } from './global-options.js';

/** A positional argument; the last one of a command may take all words that are left. */
export interface CommandArgument extends CliArgument {
  /** @defaultValue false */
  readonly variadic?: boolean;
}

/** An option whose values can be checked before the command runs. */
export interface CommandOption extends CliOption {
  /** Says what is wrong with a value; then it is a wrong usage. */
  readonly check?: (value: string) => string | undefined;
}

/** What a command of the host gets beyond what a plugin's command gets. */
export interface CommandContext extends CliContext {
  /** All positional words behind the command's name. */
  readonly words: readonly string[];
  readonly global: GlobalOptions;
  readonly environment: CliEnvironment;
  /** Loads the configuration that the user named, and lays the overrides over it. */
  configuration(overrides?: ConfigurationOverrides): Promise<HostConfiguration>;
}

/** A command of `dw`: a plugin's, or one of the host's own. */
export interface CommandDefinition extends Omit<CliCommand, 'arguments' | 'options' | 'run'> {
  readonly arguments?: readonly CommandArgument[];
  readonly options?: readonly CommandOption[];
  /**
   * Whether it does without a running node.
   * @defaultValue false
   */
  readonly isStandalone?: boolean;
  run(context: CommandContext): Promise<void>;
}
