import type { ApiResponse, CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { readAnswer } from './read-answer.js';

const url = '/api/v1/primary';

const primarySchema = z.looseObject({
  nodeId: z.string(),
  primary: z.looseObject({ term: z.number(), nodeId: z.string() }).optional(),
});

/** `dw primary` and the command below it. */
export const primaryCommands: readonly CliCommand[] = [
  {
    name: 'primary',
    summary: 'show which node writes under strategies with a primary',
    run: async (context) => {
      const { api, signal } = context;
      await show(context, await api.request('GET', url, { signal }));
    },
  },
  {
    name: 'primary promote',
    summary: 'make a node the primary, on every node that this one reaches',
    arguments: [{ name: 'node', summary: 'id of the node, as `dw replicas` shows it' }],
    run: async (context) => {
      const { api, signal, arguments: given } = context;
      const json = { nodeId: given.node ?? '' };
      await show(context, await api.request('PUT', url, { json, signal }));
    },
  },
];

async function show({ output }: CliContext, response: ApiResponse): Promise<void> {
  const answer = await readAnswer(response, primarySchema);
  output.result(answer, () => {
    const { primary } = answer;
    if (primary === undefined) output.note('No node is the primary; see `dw primary promote`.');
    else output.line(`primary ${primary.nodeId}, term ${primary.term}`);
  });
}
