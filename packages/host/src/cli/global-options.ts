import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseEndpoint } from './client/parse-endpoint.js';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly endpoint?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** Adds the options that every command takes, before or behind its name. */
export function addGlobalOptions(program: Command): void {
  program
    .option('--config <file>', 'configuration of the node: JSON, YAML or TypeScript')
    .option('--data-dir <folder>', 'data directory of the node')
    .addOption(
      new Option('--endpoint <url>', 'address of the node (or DW_ENDPOINT)').argParser(endpoint),
    )
    .option('--token <token>', 'access token of the node (better in DW_TOKEN)')
    .option('--json', 'print the result, or the error, as JSON')
    .option('--verbose', 'show more on standard error: requests, causes, stacks');
}

function endpoint(value: string): string {
  const parsed = parseEndpoint(value);
  if (parsed === undefined) {
    throw new InvalidArgumentError('Give an address such as http://127.0.0.1:7080.');
  }
  return parsed;
}
