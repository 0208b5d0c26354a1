import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { addCommands } from './add-commands.js';
import type { CliEnvironment } from './cli-environment.js';
import { cliError } from './cli-errors.js';
import {
  exitCodeOf,
  knownErrors,
  ReportedFailure,
  reportError,
  usageError,
} from './error-report.js';
import { createProgram } from './program.js';
import { scanArguments } from './scan-arguments.js';
import { CliSession } from './session.js';

/**
 * Runs one command line.
 *
 * @param argv - What follows the command's own name.
 * @returns The exit code: 0, 1 (failed), 2 (wrong usage), 128 and the signal's number.
 */
export async function runCli(
  argv: readonly string[],
  version: string,
  environment: CliEnvironment,
): Promise<number> {
  const { words, global } = scanArguments(argv);
  await using session = new CliSession(environment, global);
  try {
    const program = createProgram(version, environment);
    const target = words[0] === 'help' ? words.slice(1) : words;
    // Nobody who asks for the version wants to hear about plugins.
    const word = argv.includes('--version') ? 'help' : target[0];
    await addCommands(program, session, word);
    await parse(program, effective(argv, words, program), target);
    return 0;
  } catch (error) {
    return fail(error, session, environment);
  }
}

async function parse(
  program: Command,
  argv: readonly string[],
  words: readonly string[],
): Promise<void> {
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode === 0) throw error;
    if (error.code === 'commander.help') throw error;
    throw usageError(error, commandName(program, words));
  }
}

/** The longest name of a command that the words begin with. */
function commandName(program: Command, words: readonly string[]): string | undefined {
  const names: string[] = [];
  let command: Command | undefined = program;
  for (const word of words) {
    command = command.commands.find((child) => child.name() === word);
    if (command === undefined) break;
    names.push(word);
  }
  return names.length === 0 ? undefined : names.join(' ');
}

/** `help X` is `X --help`; a word that nobody knows is told alone, before any option. */
function effective(
  argv: readonly string[],
  words: readonly string[],
  program: Command,
): readonly string[] {
  const [first, second] = words;
  const isHelp = first === 'help';
  const word = isHelp ? second : first;
  const isKnown = program.commands.some((command) => command.name() === word);
  if (word !== undefined && !isKnown) return [word];
  return isHelp ? [...words.slice(1), '--help'] : argv;
}

function fail(error: unknown, session: CliSession, environment: CliEnvironment): number {
  const { isJson } = session.output;
  if (error instanceof ReportedFailure) return 1;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // A command is missing, and the help that stands for it has been printed.
    if (!isJson) return 2;
  }
  const { signal } = environment;
  const shown: unknown = isInterruption(error, signal) ? signal.reason : withoutHelp(error);
  reportError(shown, {
    stdout: environment.stdout,
    stderr: environment.stderr,
    isJson,
    isVerbose: session.global.verbose === true,
  });
  return Math.max(...knownErrors(shown).map(exitCodeOf));
}

function withoutHelp(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  return cliError('DW_CLI_USAGE', { message: 'No command was given' });
}

/** Streams and timers wrap the reason of an abort in an error of their own. */
function isInterruption(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  if (error === signal.reason) return true;
  return error instanceof Error && (error.name === 'AbortError' || error.cause === signal.reason);
}
