import { Command, CommanderError } from 'commander';
import { addGlobalOptions, type GlobalOptions } from './global-options.js';

/** What can be told from a command line before the commands are known. */
export interface ScannedArguments {
  /** Words up to the first option that only a command can know. */
  readonly words: readonly string[];
  readonly global: GlobalOptions;
}

/** Finds the command's words and the global options, wherever they stand. */
export function scanArguments(argv: readonly string[]): ScannedArguments {
  const scratch = new Command().exitOverride().configureOutput({ outputError: () => undefined });
  addGlobalOptions(scratch);
  try {
    const { operands } = scratch.parseOptions([...argv]);
    return { words: operands, global: scratch.opts<GlobalOptions>() };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // The program proper meets the same mistake, and tells the user.
    return { words: [], global: { json: argv.includes('--json') } };
  }
}
