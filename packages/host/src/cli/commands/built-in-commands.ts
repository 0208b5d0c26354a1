import type { CommandDefinition } from '../command-definition.js';
import { limitsCommand, limitsSetCommand } from './limits.js';
import { pluginsCommand, pluginsInfoCommand, pluginsListCommand } from './plugins.js';
import { quickstartCommand } from './quickstart.js';
import { startCommand } from './start.js';
import { statusCommand } from './status.js';

/** The commands of the host itself, in the order of the help. */
export const builtInCommands: readonly CommandDefinition[] = Object.freeze([
  startCommand,
  statusCommand,
  pluginsCommand,
  pluginsListCommand,
  pluginsInfoCommand,
  limitsCommand,
  limitsSetCommand,
  quickstartCommand,
]);
