import type { CommandContext, CommandDefinition } from '../command-definition.js';

/** `dw quickstart`: the main job on real files, with every byte checked. */
export const quickstartCommand: CommandDefinition = {
  name: 'quickstart',
  summary: 'run three nodes and two agents on real files, and check every byte',
  isStandalone: true,
  arguments: [
    {
      name: 'folder',
      summary: 'files to store and deliver (default: the installed typescript package)',
      required: false,
    },
  ],
  options: [{ flags: '--keep', summary: 'leave the nodes running, and tell their addresses' }],
  help: `Everything happens in a new temporary folder and on free ports of this machine.
One node is killed while it is written to, and must catch up to the last byte.
The exit code is 0 only if every check held.

Examples:
  $ dw quickstart
  $ dw quickstart ./photos --keep
  $ dw quickstart --json`,
  run: quickstart,
};

async function quickstart(context: CommandContext): Promise<void> {
  // Every other command does without these modules.
  const { runQuickstartCommand } = await import('../quickstart/quickstart-command.js');
  await runQuickstartCommand(context);
}
