import { type ApiRequest, apiPath, type CliCommand, type CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { readAnswer } from './read-answer.js';

const conflictSchema = z.looseObject({
  id: z.string(),
  namespace: z.string(),
  key: z.string(),
  version: z.string(),
  winner: z.string(),
  writtenBy: z.string(),
  decidedBy: z.string(),
  decidedAtMs: z.number(),
  resolver: z.string(),
  isDeletion: z.boolean(),
  isHeld: z.boolean(),
  sizeBytes: z.number().optional(),
});

const pageSchema = z.looseObject({
  conflicts: z.array(conflictSchema),
  entryCount: z.number(),
  next: z.string().optional(),
});

const receiptSchema = z.looseObject({
  namespace: z.string(),
  key: z.string(),
  version: z.string(),
});

const idArgument = { name: 'id', summary: 'id of the entry, as `dw conflicts` shows it' };

/** `dw conflicts` and the commands below it. */
export const conflictCommands: readonly CliCommand[] = [
  {
    name: 'conflicts',
    summary: 'list what lost against a concurrent version, the latest first',
    options: [
      { flags: '--limit <count>', summary: 'most entries to list, 1 to 1000; 100 by default' },
      { flags: '--after <id>', summary: 'list what comes behind this entry' },
    ],
    run: list,
  },
  {
    name: 'conflicts show',
    summary: 'show an entry: what was discarded, against which version, by whom',
    arguments: [idArgument],
    run: async ({ api, output, signal, arguments: given }) => {
      const response = await api.request('GET', addressOf(given.id), { signal });
      const conflict = await readAnswer(response, conflictSchema);
      output.result(conflict, () => {
        output.table(
          Object.entries(conflict).map(([field, value]) => ({ field, value: String(value) })),
        );
      });
    },
  },
  {
    name: 'conflicts restore',
    summary: 'write what was discarded as the latest version of its object',
    arguments: [idArgument],
    run: async ({ api, output, signal, arguments: given }) => {
      const path = addressOf(given.id, 'restore');
      const receipt = await readAnswer(await api.request('POST', path, { signal }), receiptSchema);
      output.result(receipt, () => {
        output.line(`restored ${receipt.namespace} ${receipt.key}, version ${receipt.version}`);
      });
    },
  },
];

function addressOf(id: string | undefined, ...more: readonly string[]): string {
  return apiPath('api', 'v1', 'conflicts', id ?? '', ...more);
}

async function list({ api, output, options, signal }: CliContext): Promise<void> {
  const query: ApiRequest['query'] = {
    limit: typeof options.limit === 'string' ? options.limit : undefined,
    after: typeof options.after === 'string' ? options.after : undefined,
  };
  const response = await api.request('GET', '/api/v1/conflicts', { query, signal });
  const page = await readAnswer(response, pageSchema);
  output.result(page.conflicts, () => {
    output.table(
      page.conflicts.map((conflict) => ({
        id: conflict.id,
        namespace: conflict.namespace,
        key: conflict.key,
        discarded: conflict.version,
        'lost against': conflict.winner,
        bytes: conflict.isDeletion ? 'deletion' : conflict.sizeBytes,
        held: conflict.isHeld,
        'decided by': `${conflict.decidedBy}, ${conflict.resolver}`,
        at: new Date(conflict.decidedAtMs).toISOString(),
      })),
    );
    if (page.conflicts.length === 0) output.note('No version has lost against a concurrent one.');
    if (page.next !== undefined) output.note(`There is more: --after ${page.next}`);
  });
}
