import { z } from 'zod';
import { readAnswer } from '../client/read-answer.js';
import type { CommandContext, CommandDefinition } from '../command-definition.js';
import type { TableRow } from '../output/table.js';
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
  bus: z
    .looseObject({
      subscriptionCount: z.number(),
      state: z.string(),
      queueDepth: z.number(),
      waitingCount: z.number(),
      failedCount: z.number(),
      shedCount: z.number(),
      busySinceMs: z.number().optional(),
      busySubscriber: z.string().optional(),
    })
    .optional(),
  memory: z.looseObject({ rssBytes: z.number() }),
  plugins: z.array(pluginSchema),
});

type Bus = NonNullable<z.infer<typeof statusSchema>['bus']>;

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
    if (found.bus !== undefined) {
      output.table([busRow(found.bus)]);
      output.line('');
    }
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

function busRow(bus: Bus): TableRow {
  const { busySinceMs, busySubscriber } = bus;
  const since = busySinceMs === undefined ? undefined : new Date(busySinceMs).toISOString();
  return {
    bus: bus.state,
    subscribers: bus.subscriptionCount,
    'waiting messages': bus.queueDepth,
    'waiting publishers': bus.waitingCount,
    failed: bus.failedCount,
    dropped: bus.shedCount,
    busy: busySubscriber,
    'busy since': since,
  };
}
