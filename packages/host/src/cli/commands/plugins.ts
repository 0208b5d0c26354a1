import { apiPath } from '@datawarehouse/sdk';
import { z } from 'zod';
import { readAnswer } from '../client/read-answer.js';
import type { CommandContext, CommandDefinition } from '../command-definition.js';

const pluginSchema = z.looseObject({
  id: z.string(),
  packageName: z.string(),
  version: z.string().optional(),
  state: z.string(),
  required: z.boolean(),
  sdkRange: z.string().optional(),
  dependencies: z.array(z.string()),
  commands: z.array(z.string()),
  startedInMs: z.number().optional(),
  health: z.looseObject({ status: z.string(), reason: z.string().optional() }).optional(),
  problems: z.array(
    z.looseObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  ),
});
const pluginsSchema = z.looseObject({ plugins: z.array(pluginSchema) });

type Plugin = z.output<typeof pluginSchema>;

const listHelp = `Examples:
  $ dw plugins list
  $ dw plugins info ultimate-replication`;

/** `dw plugins`: the same as `dw plugins list`. */
export const pluginsCommand: CommandDefinition = {
  name: 'plugins',
  summary: 'list the plugins of a node and their states',
  help: listHelp,
  run: list,
};

/** `dw plugins list`: the plugins of a node. */
export const pluginsListCommand: CommandDefinition = { ...pluginsCommand, name: 'plugins list' };

/** `dw plugins info ID`: one plugin in full. */
export const pluginsInfoCommand: CommandDefinition = {
  name: 'plugins info',
  summary: 'show one plugin, and what is wrong with it',
  arguments: [{ name: 'id', summary: 'id of the plugin, as `dw plugins` shows it' }],
  help: `Example:
  $ dw plugins info ultimate-replication`,
  run: info,
};

async function list({ api, output }: CommandContext): Promise<void> {
  const response = await api.request('GET', '/api/v1/plugins');
  const { plugins } = await readAnswer(response, pluginsSchema);
  output.result(plugins, () => {
    output.table(
      plugins.map((plugin) => ({
        id: plugin.id,
        version: plugin.version,
        state: plugin.state,
        health: plugin.health?.status,
        required: plugin.required,
        problem: plugin.problems[0]?.code,
      })),
    );
  });
}

async function info(context: CommandContext): Promise<void> {
  const { api, output } = context;
  const id = context.arguments['id'] ?? '';
  const response = await api.request('GET', apiPath('api', 'v1', 'plugins', id));
  const plugin = await readAnswer(response, pluginSchema);
  output.result(plugin, () => {
    for (const [label, value] of facts(plugin)) output.line(`${label.padEnd(14)}${value}`);
    for (const { code, message, hint } of plugin.problems) {
      output.line(`problem       ${message} [${code}]`);
      if (hint !== undefined) output.line(`hint          ${hint}`);
    }
  });
}

function facts(plugin: Plugin): readonly (readonly [string, string])[] {
  const { health } = plugin;
  return [
    ['id', plugin.id],
    ['package', `${plugin.packageName} ${plugin.version ?? ''}`.trim()],
    ['state', plugin.state],
    [
      'health',
      health === undefined ? '-' : [health.status, health.reason].filter(Boolean).join(': '),
    ],
    ['required', plugin.required ? 'yes' : 'no'],
    ['needs SDK', plugin.sdkRange ?? '-'],
    ['needs plugins', plugin.dependencies.join(', ') || '-'],
    ['commands', plugin.commands.join(', ') || '-'],
    ['started in', plugin.startedInMs === undefined ? '-' : `${Math.round(plugin.startedInMs)} ms`],
  ];
}
