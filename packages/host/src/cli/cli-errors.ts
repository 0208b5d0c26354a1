import { type ErrorTable, errorBuilder } from '@datawarehouse/sdk';

/** Every code that the command line itself may fail with. */
export const cliErrors = {
  DW_CLI_USAGE: {
    message: 'The command was used wrongly',
    hint: 'Run `dw help` for the commands, and `dw help COMMAND` for one of them.',
    category: 'invalid',
  },
  DW_CLI_INTERRUPTED: {
    message: 'The command was interrupted',
    hint: 'Run it again to finish what it had not done yet.',
    category: 'unavailable',
    retryable: true,
  },
  DW_CLI_UNEXPECTED: {
    message: 'The command failed in a way that it does not know',
    hint: 'Run it again with --verbose for the stack, and report it.',
    category: 'internal',
  },
  DW_CLI_OUTPUT: {
    message: 'Standard output cannot be written',
    hint: 'Look at what it leads to: is the disk full?',
    category: 'unavailable',
  },
  DW_CLI_ENDPOINT_INVALID: {
    message: 'The endpoint is not the address of a node',
    hint: 'Give an address such as http://127.0.0.1:7080.',
    category: 'invalid',
  },
  DW_CLI_NO_NODE: {
    message: 'No node runs on this data directory',
    hint: 'Start one with `dw start`, or name a running one with --data-dir or --endpoint.',
    category: 'unavailable',
    retryable: true,
  },
  DW_CLI_NODE_FILE_INVALID: {
    message: 'The file that names the running node is damaged',
    hint: 'Start the node again, which writes the file anew, or name the node with --endpoint.',
    category: 'corrupt',
  },
  DW_CLI_NO_TOKEN: {
    message: 'The token of the node could not be read',
    hint: 'Give it with --token or DW_TOKEN, or run as the user who started the node.',
    category: 'unauthenticated',
  },
  DW_CLI_TOKEN_REFUSED: {
    message: 'The node refused the token',
    hint: 'Use the token in the file `token` of the node’s data directory.',
    category: 'unauthenticated',
  },
  DW_CLI_UNREACHABLE: {
    message: 'The node could not be reached',
    hint: 'Check the address, and the network between here and the node.',
    category: 'unavailable',
    retryable: true,
  },
  DW_CLI_CONNECTION_LOST: {
    message: 'The connection to the node broke off',
    hint: 'See whether the node still runs, and try again.',
    category: 'unavailable',
    retryable: true,
  },
  DW_CLI_TIMEOUT: {
    message: 'The node did not answer in time',
    hint: 'Look at the load of the node with `dw status`, and try again.',
    category: 'timeout',
    retryable: true,
  },
  DW_CLI_NOT_A_NODE: {
    message: 'What answers at the endpoint is not a DataWarehouse node',
    hint: 'Correct --endpoint; `dw start` prints the address of its node.',
    category: 'invalid',
  },
  DW_CLI_REFUSED: {
    message: 'The node refused the request',
    hint: 'Run the command again with --verbose to see the request.',
    category: 'conflict',
  },
  DW_CLI_COMMAND_UNLOADABLE: {
    message: 'The module of a plugin’s commands could not be loaded',
    hint: 'Install the plugin again; with --verbose the cause is shown.',
    category: 'unavailable',
  },
  DW_CLI_COMMAND_MISSING: {
    message: 'The plugin names a command that it does not have',
    hint: 'Install a version of the plugin whose manifest and commands fit together.',
    category: 'invalid',
  },
} as const satisfies ErrorTable;

/** A key of {@link cliErrors}. */
export type CliErrorCode = keyof typeof cliErrors;

/** Builds an error of the command line. */
export const cliError = errorBuilder<CliErrorCode>(cliErrors);
