import { z } from 'zod';
import { readAnswer } from '../client/read-answer.js';
import type { CommandContext, CommandDefinition } from '../command-definition.js';
import { formatBytes, formatDuration } from '../output/units.js';

const pluginSchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  health: z.looseObject({ status: z.string(), reason: z.string().optional() }).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

/** What is shown of `GET /api/v1/status`; the rest is passed on with --json. */
const statusSchema = z.looseObject({
  nodeId: z.string(),
  version: z.string(),
  uptimeMs: z.number(),
  isReady: z.boolean(),
  health: z.string(),
  memberCount: z.number(),
  memory: z.looseObject({ rssBytes: z.number() }),
  plugins: z.array(pluginSchema),
});

/** `dw status`: what a node is and how it does. */
export const statusCommand: CommandDefinition = {
  name: 'status',
  summary: 'show what a node is and how it does',
  help: `Examples:
  $ dw status
  $ dw status --endpoint http://10.0.0.1:7080 --json`,
  run: status,
};

async function status({ api, output }: CommandContext): Promise<void> {
  const found = await readAnswer(await api.request('GET', '/api/v1/status'), statusSchema);
  output.result(found, () => {
    output.table([
      {
        node: found.nodeId,
        endpoint: api.endpoint,
        version: found.version,
        ready: found.isReady,
        health: found.health,
        'other nodes': found.memberCount,
        memory: formatBytes(found.memory.rssBytes),
        'running for': formatDuration(found.uptimeMs),
      },
    ]);
    output.line('');
    output.table(
      found.plugins.map(({ id, state, health, error }) => ({
        plugin: id,
        state,
        health: health?.status,
        because: error?.message ?? health?.reason,
      })),
    );
  });
}
