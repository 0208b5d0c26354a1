import { z } from 'zod';
import { readAnswer } from '../client/read-answer.js';
import type { CommandContext, CommandDefinition } from '../command-definition.js';
import { formatDuration } from '../output/units.js';

/** What is shown of `GET /api/v1/status`; the rest is passed on with --json. */
const statusSchema = z.looseObject({
  nodeId: z.string(),
  version: z.string(),
  startedAtMs: z.number(),
  isReady: z.boolean(),
  plugins: z.array(z.looseObject({ id: z.string(), state: z.string() })),
  members: z.array(z.looseObject({ nodeId: z.string(), endpoint: z.string() })),
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
        'running for': formatDuration(Date.now() - found.startedAtMs),
      },
    ]);
    output.line('');
    output.table(found.plugins.map(({ id, state }) => ({ plugin: id, state })));
    if (found.members.length === 0) return;
    output.line('');
    output.table(found.members.map(({ nodeId, endpoint }) => ({ member: nodeId, endpoint })));
  });
}
