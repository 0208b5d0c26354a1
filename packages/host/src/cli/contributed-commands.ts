import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CliCommand, DwError } from '@datawarehouse/sdk';
import { z } from 'zod';
import type { DiscoveredPlugin, PluginRefusal } from '../loading/discovered-plugin.js';
import { cliError } from './cli-errors.js';

/** The first word of commands that a plugin contributes. Its code has not been imported. */
export interface ContributedWord {
  readonly word: string;
  readonly summary: string;
  readonly plugin: DiscoveredPlugin;
}

/** What a module of commands exports, as far as it can be checked. */
const moduleSchema = z.looseObject({
  commands: z.array(
    z.looseObject({
      name: z.string().regex(/^[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)*$/),
      summary: z.string(),
      run: z.custom<CliCommand['run']>((value) => typeof value === 'function'),
    }),
  ),
});

/** Lists what plugins contribute; the first one to name a word has it. */
export function contributedWords(
  plugins: readonly DiscoveredPlugin[],
  taken: ReadonlySet<string>,
): readonly ContributedWord[] {
  const words = new Map<string, ContributedWord>();
  for (const plugin of plugins) {
    for (const { name, summary } of plugin.manifest.contributes.commands?.list ?? []) {
      const [word = name] = name.split(' ');
      if (!taken.has(word) && !words.has(word)) words.set(word, { word, summary, plugin });
    }
  }
  return [...words.values()];
}

/**
 * Imports the commands behind a word.
 *
 * @throws DwError `DW_CLI_COMMAND_UNLOADABLE`, `DW_CLI_COMMAND_MISSING`.
 */
export async function loadCommands(contributed: ContributedWord): Promise<readonly CliCommand[]> {
  const { plugin, word } = contributed;
  const file = join(plugin.directory, plugin.manifest.contributes.commands?.module ?? '');
  const commands = (await importCommands(file, plugin.id)).filter(
    ({ name }) => name === word || name.startsWith(`${word} `),
  );
  if (commands.length > 0) return commands;
  throw cliError('DW_CLI_COMMAND_MISSING', {
    message: `Plugin ${plugin.id} names the command ${word}, but ${file} does not have it`,
    details: { pluginId: plugin.id, command: word, file },
  });
}

async function importCommands(file: string, pluginId: string): Promise<readonly CliCommand[]> {
  let loaded: unknown;
  try {
    loaded = await import(pathToFileURL(file).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw cliError('DW_CLI_COMMAND_UNLOADABLE', {
      message: `The commands of plugin ${pluginId} could not be loaded: ${reason}`,
      cause,
      details: { pluginId, file },
    });
  }
  const parsed = moduleSchema.safeParse(loaded);
  // What was checked are the parts that could break the help; the rest is the plugin's word.
  if (parsed.success) return (loaded as { readonly commands: readonly CliCommand[] }).commands;
  throw cliError('DW_CLI_COMMAND_UNLOADABLE', {
    message: `${file} of plugin ${pluginId} does not export a list of commands`,
    details: { pluginId, file },
  });
}

/** One line for each thing that keeps a plugin's commands away. */
export function refusalNotes(refused: readonly PluginRefusal[]): readonly string[] {
  return refused.flatMap(({ id, errors }) => errors.map((error) => problemNote(id, error)));
}

function problemNote(id: string, error: DwError): string {
  return `note: the commands of plugin ${id} are missing: ${error.message} [${error.code}]`;
}
