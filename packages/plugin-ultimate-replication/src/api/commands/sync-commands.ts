import { apiPath, type CliCommand, type CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../../errors/replication-errors.js';
import { readAnswer } from './read-answer.js';
import { parseSince } from './since-option.js';

const statusSchema = z.looseObject({
  targetNodeId: z.string(),
  state: z.string(),
  progress: z.number(),
  lastSyncAtMs: z.number().optional(),
});

const statusesSchema = z.looseObject({ mode: z.string(), replicas: z.array(statusSchema) });

const resultSchema = z.looseObject({
  success: z.boolean(),
  itemsSynced: z.number(),
  conflictsDetected: z.number(),
  durationMs: z.number(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});

const positionSchema = z.looseObject({ epoch: z.string(), sequence: z.number() });

const idArgument = { name: 'id', summary: 'id of the node, as `dw replicas` shows it' };
const pollMs = 500;

/** `dw sync`, and what `dw replicas` does about the synchronisation with one node. */
export const syncCommands: readonly CliCommand[] = [
  {
    name: 'sync',
    summary: 'compare with the replicas now, and exchange what differs',
    arguments: [{ name: 'node', summary: 'id of a replica; default: all', required: false }],
    options: [
      {
        flags: '--mode <mode>',
        summary: 'how, in place of the configured mode',
        choices: ['online', 'offline', 'airGap', 'hybrid'],
      },
      { flags: '--namespace <glob>', summary: 'only namespaces that fit, such as docs/**' },
      { flags: '--since <time>', summary: 'only versions written since, such as 36h' },
      { flags: '--status', summary: 'only show where the synchronisation stands' },
    ],
    help: `Replicas follow one another's logs by themselves, and compare on a schedule; this
compares now.

Example:
  $ dw sync n2 --namespace 'docs/**'`,
    run: (context) =>
      context.options.status === true ? showStatus(context) : synchronise(context),
  },
  {
    name: 'replicas pause',
    summary: 'send nothing to a node, and do not synchronise with it, until resumed',
    arguments: [idArgument],
    help: 'Writes that wait for every active replica are not confirmed meanwhile.',
    run: (context) => setPause(context, 'PUT'),
  },
  {
    name: 'replicas resume',
    summary: 'go on with a node that was paused',
    arguments: [idArgument],
    run: (context) => setPause(context, 'DELETE'),
  },
  {
    name: 'replicas rewind',
    summary: 'take over the log of a node again from an earlier place',
    arguments: [idArgument],
    options: [
      {
        flags: '--to <place>',
        summary: 'sequence of that node’s log, a time such as 2026-11-20T08:00, or 36h',
        required: true,
      },
    ],
    help: `Nothing is lost and nothing older replaces what is newer. Where the log does not
reach back so far, what differs is found by digests.`,
    run: rewind,
  },
  {
    name: 'replicas reseed',
    summary: 'fetch all that a node has, whatever this node has already',
    arguments: [idArgument],
    run: reseed,
  },
];

async function synchronise(context: CliContext): Promise<void> {
  const { api, output, options, arguments: given, signal } = context;
  const listed = await readAnswer(
    await api.request('GET', '/api/v1/sync', { signal }),
    statusesSchema,
  );
  const nodeIds =
    given.node === undefined ? listed.replicas.map((one) => one.targetNodeId) : [given.node];
  const since = typeof options.since === 'string' ? parseSince(options.since, Date.now()) : {};
  if ('afterSequence' in since) {
    throw replicationError('DW_REPLICATION_INVALID_QUERY', {
      message: '--since takes a time here, such as 2026-11-20T08:00 or 36h',
    });
  }
  const json = {
    ...(typeof options.mode === 'string' && { mode: options.mode }),
    ...(typeof options.namespace === 'string' && { dataSetFilter: options.namespace }),
    ...since,
  };
  const results: (z.output<typeof resultSchema> & { readonly nodeId: string })[] = [];
  for (const nodeId of nodeIds) results.push({ nodeId, ...(await syncOne(context, nodeId, json)) });
  output.result(results, () => {
    for (const { nodeId, success, itemsSynced, conflictsDetected, error } of results) {
      if (success) {
        output.line(`${nodeId}: ${itemsSynced} objects exchanged, ${conflictsDetected} conflicts`);
      } else output.line(`${nodeId}: ${error?.code ?? 'failed'}: ${error?.message ?? ''}`);
    }
    if (results.length === 0) output.note('This node has no replicas; see `dw replicas join`.');
  });
  const failed = results.filter(({ success }) => !success);
  if (failed.length > 0) {
    throw replicationError('DW_REPLICATION_SYNC_FAILED', {
      message: `The synchronisation failed with ${failed.map(({ nodeId }) => nodeId).join(', ')}`,
    });
  }
}

/** Has the node synchronise, and shows how far it is meanwhile. */
async function syncOne(context: CliContext, nodeId: string, json: unknown) {
  const { api, output, signal } = context;
  const path = apiPath('api', 'v1', 'sync', nodeId);
  using progress = output.progress(`syncing with ${nodeId}`, 100, 'items');
  let shown = 0;
  const watch = setInterval(() => {
    api
      .request('GET', path, { signal })
      .then((response) => readAnswer(response, statusSchema))
      .then(({ progress: now }) => {
        progress.advance(Math.max(0, now - shown));
        shown = Math.max(shown, now);
      })
      .catch(() => undefined);
  }, pollMs);
  try {
    const response = await api.request('POST', path, { json, signal });
    return await readAnswer(response, resultSchema);
  } finally {
    clearInterval(watch);
    progress.advance(100 - shown);
  }
}

async function showStatus({ api, output, signal }: CliContext): Promise<void> {
  const response = await api.request('GET', '/api/v1/sync', { signal });
  const statuses = await readAnswer(response, statusesSchema);
  output.result(statuses, () => {
    output.table(
      statuses.replicas.map(({ targetNodeId, state, progress, lastSyncAtMs }) => ({
        node: targetNodeId,
        state,
        progress,
        last: lastSyncAtMs === undefined ? undefined : new Date(lastSyncAtMs).toISOString(),
      })),
    );
    output.note(`Mode: ${statuses.mode}.`);
  });
}

async function setPause(context: CliContext, method: 'PUT' | 'DELETE'): Promise<void> {
  const { api, output, arguments: given, signal } = context;
  const path = apiPath('api', 'v1', 'sync', given.id ?? '', 'pause');
  const status = await readAnswer(await api.request(method, path, { signal }), statusSchema);
  output.result(status, () => {
    output.line(`${method === 'PUT' ? 'paused' : 'resumed'} ${status.targetNodeId}`);
  });
}

async function rewind({
  api,
  output,
  options,
  arguments: given,
  signal,
}: CliContext): Promise<void> {
  const place = parseSince(String(options.to), Date.now());
  const json = 'sinceMs' in place ? { timeMs: place.sinceMs } : { sequence: place.afterSequence };
  const path = apiPath('api', 'v1', 'sync', given.id ?? '', 'rewind');
  const response = await api.request('POST', path, { json, signal });
  const position = await readAnswer(response, positionSchema);
  output.result(position, () => {
    output.line(`takes over the log of ${given.id ?? ''} again from ${position.sequence}`);
  });
}

async function reseed({ api, output, arguments: given, signal }: CliContext): Promise<void> {
  const path = apiPath('api', 'v1', 'sync', given.id ?? '', 'reseed');
  const result = await readAnswer(await api.request('POST', path, { signal }), resultSchema);
  if (!result.success) {
    throw replicationError('DW_REPLICATION_SYNC_FAILED', {
      message: `${given.id ?? ''}: ${result.error?.code ?? ''}: ${result.error?.message ?? ''}`,
    });
  }
  output.result(result, () => output.line(`fetched ${result.itemsSynced} objects that differed`));
}
