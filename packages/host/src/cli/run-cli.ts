import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { resolveConfiguration } from '../configuration/load-configuration.js';
import { discoverPlugins } from '../loading/discover-plugins.js';
import type { CliEnvironment } from './cli-environment.js';
import { cliError } from './cli-errors.js';
import { builtInCommands } from './commands/built-in-commands.js';
import {
  type ContributedWord,
  contributedWords,
  loadCommands,
  refusalNotes,
} from './contributed-commands.js';
import { exitCodeOf, knownErrors, ReportedFailure, reportError } from './error-report.js';
import { addCommand, addStub, createProgram } from './program.js';
import { scanArguments } from './scan-arguments.js';
import { CliSession } from './session.js';

const ownHeading = 'Commands:';
const builtInWords: ReadonlySet<string> = new Set([
  'help',
  ...builtInCommands.map(({ name }) => name.split(' ')[0] ?? name),
]);

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
    await addCommands(program, session, target[0]);
    await program.parseAsync(effective(argv, words, program), { from: 'user' });
    return 0;
  } catch (error) {
    return fail(error, session, environment);
  }
}

/** Adds every command: those behind the word that is run in full, the others as names. */
async function addCommands(
  program: Command,
  session: CliSession,
  word: string | undefined,
): Promise<void> {
  const execute = session.execute.bind(session);
  for (const definition of builtInCommands) addCommand(program, definition, execute, ownHeading);
  program.command('help [command...]').description('print help on a command').helpGroup(ownHeading);
  // A plugin's problem is none of a command that no plugin contributes.
  if (word !== undefined && builtInWords.has(word)) return;
  for (const contributed of await findContributed(session)) {
    const heading = `Commands of plugin ${contributed.plugin.id}:`;
    addStub(program, contributed.word, contributed.summary, heading);
    if (contributed.word !== word) continue;
    const commands = await loadCommands(contributed);
    guard(contributed, () => {
      for (const command of commands) addCommand(program, command, execute, heading);
    });
  }
}

/** Names the plugin whose options or arguments contradict one another. */
function guard({ plugin, word }: ContributedWord, add: () => void): void {
  try {
    add();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw cliError('DW_CLI_COMMAND_UNLOADABLE', {
      message: `The command ${word} of plugin ${plugin.id} is malformed: ${reason}`,
      cause,
      details: { pluginId: plugin.id, command: word },
    });
  }
}

async function findContributed(session: CliSession): Promise<readonly ContributedWord[]> {
  const configuration = await session.loadConfiguration().catch((error: unknown) => {
    // Whoever needs the configuration gets the error; the commands are there without it.
    for (const { message, code } of knownErrors(error)) {
      session.output.note(`note: ${message} [${code}]`);
    }
    return resolveConfiguration({});
  });
  const { found, refused } = await discoverPlugins(configuration.plugins, {
    from: configuration.directory,
  });
  for (const note of refusalNotes(refused)) session.output.note(note);
  return contributedWords(found, builtInWords);
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
    // The help that stands for the missing command has been printed.
    if (error.code === 'commander.help' && !isJson) return 2;
  }
  const { signal } = environment;
  const shown: unknown = isInterruption(error, signal) ? signal.reason : error;
  reportError(shown, {
    stdout: environment.stdout,
    stderr: environment.stderr,
    isJson,
    isVerbose: session.global.verbose === true,
  });
  return Math.max(...knownErrors(shown).map(exitCodeOf));
}

/** Streams and timers wrap the reason of an abort in an error of their own. */
function isInterruption(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  if (error === signal.reason) return true;
  return error instanceof Error && (error.name === 'AbortError' || error.cause === signal.reason);
}
