import type { CliCommand } from '@datawarehouse/sdk';
import { bundleCommands } from './commands/bundle-commands.js';
import { conflictCommands } from './commands/conflict-commands.js';
import { deadLetterCommands } from './commands/dead-letter-commands.js';
import { getCommand } from './commands/get-command.js';
import { listCommand } from './commands/list-command.js';
import { putCommand } from './commands/put-command.js';
import { removeCommand } from './commands/remove-command.js';
import { replicaCommands } from './commands/replica-commands.js';
import { routingCommands } from './commands/routing-commands.js';
import { syncCommands } from './commands/sync-commands.js';

/** The commands of `dw` that replication contributes. */
export const commands: readonly CliCommand[] = [
  putCommand,
  getCommand,
  listCommand,
  removeCommand,
  ...routingCommands,
  ...replicaCommands,
  ...conflictCommands,
  ...deadLetterCommands,
  ...syncCommands,
  ...bundleCommands,
];
