import { apiPath } from '@datawarehouse/sdk';
import { z } from 'zod';
import { cliError } from '../cli-errors.js';
import { readAnswer } from '../client/read-answer.js';
import type { CommandContext, CommandDefinition } from '../command-definition.js';
import { parseLimit } from './parse-limit.js';

const limitsSchema = z.looseObject({
  maxCacheEntries: z.number(),
  maxMemoryBytes: z.number(),
  maxConcurrentOperations: z.number(),
  maxQueueDepth: z.number(),
});
const subsystemsSchema = z.looseObject({
  subsystems: z.array(
    z.looseObject({
      subsystem: z.string(),
      pluginId: z.string(),
      limits: limitsSchema,
      backpressureState: z.string(),
    }),
  ),
});
const changedSchema = z.looseObject({ oldLimits: limitsSchema, newLimits: limitsSchema });

/** `dw limits`: what every subsystem of a node may use. */
export const limitsCommand: CommandDefinition = {
  name: 'limits',
  summary: 'list the limits of every subsystem of a node',
  help: `Examples:
  $ dw limits
  $ dw limits set replication maxQueueDepth=200000`,
  run: list,
};

/** `dw limits set SUBSYSTEM KEY=VALUE…`: changes limits while the node runs. */
export const limitsSetCommand: CommandDefinition = {
  name: 'limits set',
  summary: 'change limits of a subsystem while it runs',
  arguments: [
    { name: 'subsystem', summary: 'name of the subsystem, as `dw limits` shows it' },
    { name: 'limit=value', summary: 'a limit and its new value', variadic: true },
  ],
  help: `The limits are maxCacheEntries, maxMemoryBytes, maxConcurrentOperations and
maxQueueDepth (0 means no limit); what is not named stays. A number may end in
KiB, MiB or GiB. The change lasts until the node stops: put it under "scaling"
in the configuration to keep it.

Examples:
  $ dw limits set replication maxQueueDepth=200000
  $ dw limits set aeds maxCacheEntries=50000 maxMemoryBytes=512MiB`,
  run: set,
};

async function list({ api, output }: CommandContext): Promise<void> {
  const response = await api.request('GET', '/api/v1/scaling');
  const { subsystems } = await readAnswer(response, subsystemsSchema);
  output.result(subsystems, () => {
    output.table(
      subsystems.map(({ subsystem, pluginId, backpressureState, limits }) => ({
        subsystem,
        plugin: pluginId,
        state: backpressureState,
        maxCacheEntries: limits.maxCacheEntries,
        maxMemoryBytes: limits.maxMemoryBytes,
        maxConcurrentOperations: limits.maxConcurrentOperations,
        maxQueueDepth: limits.maxQueueDepth,
      })),
    );
  });
}

async function set({ api, output, words }: CommandContext): Promise<void> {
  const [subsystem = '', ...assignments] = words;
  const changes = Object.fromEntries(assignments.map(assignment));
  const path = apiPath('api', 'v1', 'scaling', subsystem, 'limits');
  const response = await api.request('PATCH', path, {
    json: { ...changes, reason: 'dw limits set' },
  });
  const changed = await readAnswer(response, changedSchema);
  output.result(changed, () => {
    const before: Readonly<Record<string, unknown>> = changed.oldLimits;
    const after: Readonly<Record<string, unknown>> = changed.newLimits;
    const names = Object.keys(limitsSchema.shape);
    output.table(
      names.map((limit) => ({ limit, before: Number(before[limit]), now: Number(after[limit]) })),
    );
  });
}

function assignment(text: string): readonly [string, number] {
  const [name = '', value, ...rest] = text.split('=');
  const number = value === undefined || rest.length > 0 ? undefined : parseLimit(value);
  if (number === undefined || !(name in limitsSchema.shape)) {
    throw cliError('DW_CLI_USAGE', {
      message: `"${text}" is not a limit and its value`,
      hint: `Write for example maxQueueDepth=200000; the limits are ${Object.keys(limitsSchema.shape).join(', ')}.`,
    });
  }
  return [name, number];
}
