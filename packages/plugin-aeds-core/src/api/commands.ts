import type { CliCommand } from '@datawarehouse/sdk';
import { agentCommand } from './commands/agent-command.js';
import { channelCommands } from './commands/channel-commands.js';
import { clientCommands } from './commands/client-commands.js';
import { jobCommands } from './commands/job-commands.js';
import { jobWorkCommands } from './commands/job-work-commands.js';
import { publishCommand } from './commands/publish-command.js';

/** The commands of `dw` that AEDS contributes. */
export const commands: readonly CliCommand[] = [
  publishCommand,
  agentCommand,
  ...clientCommands,
  ...channelCommands,
  ...jobCommands,
  ...jobWorkCommands,
];
