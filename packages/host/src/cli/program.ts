import { Command } from 'commander';
import type { CliEnvironment } from './cli-environment.js';
import { cliError } from './cli-errors.js';
import type { CommandDefinition } from './command-definition.js';
import { toArgument, toOption } from './command-options.js';
import { addGlobalOptions } from './global-options.js';

/** What was given to a command. */
export interface CommandValues {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Runs a command with what was given to it. */
export type ExecuteCommand = (
  definition: CommandDefinition,
  values: CommandValues,
) => Promise<void>;

/** The words of a command line before any command is known. */
export function createProgram(version: string, environment: CliEnvironment): Command {
  const { stdout, stderr } = environment;
  const program = new Command('dw')
    .description('Runs and asks DataWarehouse nodes.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      // Errors are thrown, and reported in one place.
      outputError: () => undefined,
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
    });
  addGlobalOptions(program);
  return program;
}

/** Adds a name and a summary, for the help and for suggestions. */
export function addStub(program: Command, word: string, summary: string, heading: string): void {
  if (find(program, word) !== undefined) return;
  program.command(word).description(summary).helpGroup(heading);
}

/** Adds a command, below the group that its words name. */
export function addCommand(
  program: Command,
  definition: CommandDefinition,
  execute: ExecuteCommand,
  heading: string,
): void {
  const command = descend(program, definition.name.split(' '), heading);
  command.summary(definition.summary).description(definition.summary);
  for (const argument of definition.arguments ?? []) command.addArgument(toArgument(argument));
  const globals = new Set(program.options.map((option) => option.attributeName()));
  const options = (definition.options ?? []).map(toOption);
  for (const option of options) {
    // The program takes its own options wherever they stand, so the command would never see them.
    if (!globals.has(option.attributeName())) command.addOption(option);
  }
  const names = options.map((option) => option.attributeName());
  if (definition.help !== undefined) command.addHelpText('after', `\n${definition.help.trim()}`);
  // A group that is a command itself would take a mistyped command for an argument.
  command.allowExcessArguments().action(async () => {
    assertWords(command, definition);
    const all = command.optsWithGlobals<Record<string, unknown>>();
    const given = names.filter((name) => all[name] !== undefined);
    const values = Object.fromEntries(given.map((name) => [name, all[name]]));
    await execute(definition, { words: command.args, options: values });
  });
}

function descend(program: Command, words: readonly string[], heading: string): Command {
  return words.reduce((parent, word) => {
    const known = find(parent, word);
    if (known !== undefined) return known;
    const added = parent.command(word);
    return parent === program ? added.helpGroup(heading) : added;
  }, program);
}

function find(parent: Command, word: string): Command | undefined {
  return parent.commands.find((command) => command.name() === word);
}

function assertWords(command: Command, definition: CommandDefinition): void {
  const expected = definition.arguments ?? [];
  if (command.args.length <= expected.length || expected.at(-1)?.variadic === true) return;
  const [first = ''] = command.args;
  const children = command.commands.map((child) => `\`dw ${definition.name} ${child.name()}\``);
  if (children.length > 0 && expected.length === 0) {
    throw cliError('DW_CLI_USAGE', {
      message: `Unknown command '${definition.name} ${first}'`,
      hint: `There are ${children.join(', ')}; see \`dw help ${definition.name}\`.`,
    });
  }
  throw cliError('DW_CLI_USAGE', {
    message: `Too many arguments for 'dw ${definition.name}': expected ${expected.length}, got ${command.args.length}`,
    hint: `See \`dw help ${definition.name}\`; put quotes around a text with blanks.`,
  });
}
