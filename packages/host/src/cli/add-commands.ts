import type { Command } from 'commander';
import { resolveConfiguration } from '../configuration/load-configuration.js';
import { discoverPlugins } from '../loading/discover-plugins.js';
import { cliError } from './cli-errors.js';
import { builtInCommands } from './commands/built-in-commands.js';
import {
  type ContributedWord,
  contributedWords,
  loadCommands,
  refusalNotes,
} from './contributed-commands.js';
import { knownErrors } from './error-report.js';
import { addCommand, addStub } from './program.js';
import type { CliSession } from './session.js';

const ownHeading = 'Commands:';
const builtInWords: ReadonlySet<string> = new Set([
  'help',
  ...builtInCommands.map(({ name }) => name.split(' ')[0] ?? name),
]);

/** Adds every command: those behind the word that is run in full, the others as names. */
export async function addCommands(
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
