import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type CliErrorCode, cliError } from '../cli-errors.js';
import { parseEndpoint } from './parse-endpoint.js';

/** Where a node is, how to get in, and where that was learnt. */
export interface NodeAddress {
  readonly endpoint: string;
  readonly token: string;
  /** For messages: `--endpoint`, `DW_ENDPOINT`, or a data directory. */
  readonly endpointSource: string;
  /** For messages: `--token`, `DW_TOKEN`, or a file. */
  readonly tokenSource: string;
}

/** What is known about the node. */
export interface NodeAddressOptions {
  readonly flags: { readonly endpoint?: string; readonly token?: string };
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Finds the data directory; asked only where something is not given otherwise. */
  readonly dataDirectory: () => Promise<string>;
}

/** What a running node leaves in its data directory. */
const nodeFileSchema = z.looseObject({ endpoint: z.string(), nodeId: z.string() });

/**
 * Finds the node: by flags, then by `DW_ENDPOINT` and `DW_TOKEN`, then by its data directory.
 *
 * @throws DwError `DW_CLI_ENDPOINT_INVALID`, `DW_CLI_NO_NODE`, `DW_CLI_NODE_FILE_INVALID`,
 *   `DW_CLI_NO_TOKEN`.
 */
export async function resolveNodeAddress(options: NodeAddressOptions): Promise<NodeAddress> {
  const [endpoint, endpointSource] = await resolveEndpoint(options);
  const [token, tokenSource] = await resolveToken(options);
  return { endpoint, token, endpointSource, tokenSource };
}

type Found = readonly [value: string, source: string];

async function resolveEndpoint(options: NodeAddressOptions): Promise<Found> {
  const { flags, variables } = options;
  if (flags.endpoint !== undefined) return [validEndpoint(flags.endpoint), '--endpoint'];
  const variable = variables['DW_ENDPOINT'];
  if (variable !== undefined && variable !== '') return [validEndpoint(variable), 'DW_ENDPOINT'];
  const directory = await options.dataDirectory();
  return [await endpointIn(directory), directory];
}

function validEndpoint(text: string): string {
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) return endpoint;
  throw cliError('DW_CLI_ENDPOINT_INVALID', {
    message: `"${text}" is not the address of a node`,
    details: { endpoint: text },
  });
}

async function endpointIn(directory: string): Promise<string> {
  const file = join(directory, 'node.json');
  const text = await readIfThere(file, 'DW_CLI_NODE_FILE_INVALID');
  if (text === undefined) {
    throw cliError('DW_CLI_NO_NODE', {
      message: `No node runs on the data directory ${directory}`,
      details: { dataDirectory: directory },
    });
  }
  const endpoint = nodeFileEndpoint(text);
  if (endpoint !== undefined) return endpoint;
  throw cliError('DW_CLI_NODE_FILE_INVALID', { message: `${file} is damaged`, details: { file } });
}

function nodeFileEndpoint(text: string): string | undefined {
  try {
    const parsed = nodeFileSchema.safeParse(JSON.parse(text));
    return parsed.success ? parseEndpoint(parsed.data.endpoint) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function resolveToken(options: NodeAddressOptions): Promise<Found> {
  const { flags, variables } = options;
  if (flags.token !== undefined) return [validToken(flags.token, '--token'), '--token'];
  const variable = variables['DW_TOKEN'];
  if (variable !== undefined && variable !== '') {
    return [validToken(variable, 'DW_TOKEN'), 'DW_TOKEN'];
  }
  const file = join(await options.dataDirectory(), 'token');
  const text = await readIfThere(file, 'DW_CLI_NO_TOKEN');
  if (text !== undefined && text.trim() !== '') return [validToken(text.trim(), file), file];
  throw cliError('DW_CLI_NO_TOKEN', {
    message: `There is no token in ${file}`,
    details: { file },
  });
}

/** A token travels in a header, where only visible ASCII characters may stand. */
function validToken(token: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw cliError('DW_CLI_NO_TOKEN', {
    message: `What ${source} gives is not a token: it holds blanks or other unusual characters`,
    details: { source },
  });
}

/** Reads a file; `undefined` where it is missing. */
async function readIfThere(file: string, code: CliErrorCode): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw cliError(code, {
      message: `${file} could not be read`,
      cause: error,
      details: { file },
    });
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
