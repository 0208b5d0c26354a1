import { once } from 'node:events';
import { join } from 'node:path';
import { DwError } from '@datawarehouse/sdk';
import { z } from 'zod';
import type { ConfigurationOverrides } from '../../configuration/configuration-overrides.js';
import type { Host } from '../../host.js';
import type { CommandContext, CommandDefinition } from '../command-definition.js';

const problemsSchema = z
  .array(z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }))
  .min(1);

/** `dw start`: runs a node until it is told to stop. */
export const startCommand: CommandDefinition = {
  name: 'start',
  summary: 'run a node until Ctrl-C',
  isStandalone: true,
  options: [
    { flags: '--port <port>', summary: 'port to listen on; 0 takes any free one', check: port },
    { flags: '--host <address>', summary: 'address to listen on' },
    { flags: '--advertise <url>', summary: 'address that other nodes call' },
    { flags: '--node-id <id>', summary: 'name of the node in its cluster' },
    {
      flags: '--peer <url>',
      summary: 'address of another node; may be repeated',
      repeatable: true,
    },
    {
      flags: '--log-level <level>',
      summary: 'least level that is logged',
      choices: ['debug', 'info', 'warn', 'error', 'silent'],
    },
    {
      flags: '--log-format <format>',
      summary: 'how the log on standard error is written',
      choices: ['auto', 'json', 'pretty'],
    },
  ],
  help: `Options win over the environment (DW_DATA_DIR, DW_HTTP_PORT, ...), and that over
the file given with --config. The token for other commands is made once and kept
in the data directory. Ctrl-C drains and stops; a second one ends the node at
once. DW_CLUSTER_SECRET or "cluster" in the file lets the node meet others.

Examples:
  $ dw start
  $ dw start --config node.yaml
  $ dw start --data-dir ./n2 --port 7081 --peer http://127.0.0.1:7080`,
  run: start,
};

async function start(context: CommandContext): Promise<void> {
  const configuration = await context.configuration(overrides(context));
  // The server, the store and the container are far from what the other commands need.
  const { Host: Loaded } = await import('../../host.js');
  context.signal.throwIfAborted();
  const host = await Loaded.start(configuration, {
    guardsProcess: true,
    signal: context.signal,
  }).catch((error: unknown) => {
    throw eachProblem(error);
  });
  try {
    announce(host, configuration.dataDirectory, context);
    await aborted(context.signal);
  } finally {
    await host.stop();
  }
}

/** Tells what is wrong with each required plugin, with the code and the hint of each problem. */
function eachProblem(error: unknown): unknown {
  if (!DwError.is(error, 'DW_HOST_REQUIRED_PLUGIN')) return error;
  const parsed = problemsSchema.safeParse(error.details['problems']);
  if (!parsed.success) return error;
  return new AggregateError(
    parsed.data.map(({ code, message, hint }) => {
      return new DwError(code, message, { ...(hint !== undefined && { hint }), cause: error });
    }),
    error.message,
  );
}

function overrides({ options, global }: CommandContext): ConfigurationOverrides {
  return {
    httpPort: text(options['port']),
    httpHost: text(options['host']),
    advertise: text(options['advertise']),
    nodeId: text(options['nodeId']),
    clusterPeers: Array.isArray(options['peer']) ? (options['peer'] as string[]) : undefined,
    logLevel: text(options['logLevel']) ?? (global.verbose === true ? 'debug' : undefined),
    logFormat: text(options['logFormat']),
    token: global.token,
  };
}

/** The one line on standard output; whoever started the node may wait for it. */
function announce(host: Host, dataDirectory: string, { output }: CommandContext): void {
  const { nodeId, endpoint } = host;
  const tokenFile = join(dataDirectory, 'token');
  const ready = { nodeId, endpoint, tokenFile, dataDirectory, pid: process.pid };
  output.result(ready, () => {
    output.line(`Node ${nodeId} listens on ${endpoint}; its token is in ${tokenFile}`);
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  // The listener alone would not keep the process alive; the server does.
  if (!signal.aborted) await once(signal, 'abort');
}

function port(value: string): string | undefined {
  const isPort = /^\d{1,5}$/.test(value) && Number(value) <= 65_535;
  return isPort ? undefined : 'A port is a whole number from 0 to 65535.';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
