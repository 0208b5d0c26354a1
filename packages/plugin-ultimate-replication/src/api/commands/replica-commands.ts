import { apiPath, type CliCommand, type CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { readAnswer } from './read-answer.js';

const membersUrl = '/api/v1/cluster/members';

const replicasSchema = z.looseObject({
  nodeId: z.string(),
  replicas: z.array(
    z.looseObject({
      nodeId: z.string(),
      endpoint: z.string().optional(),
      active: z.boolean(),
      lag: z.number(),
      lagBytes: z.number(),
      lagSeconds: z.number(),
      consecutiveFailures: z.number(),
      resynchronising: z.boolean(),
    }),
  ),
});

const joinedSchema = z.looseObject({
  member: z.looseObject({ nodeId: z.string(), endpoint: z.string() }),
});

const removedSchema = z.looseObject({
  nodeId: z.string(),
  wasMember: z.boolean(),
  forgottenBy: z.array(z.string()),
  notReached: z.array(z.looseObject({ nodeId: z.string(), code: z.string() })),
});

/** `dw replicas` and the commands below it. */
export const replicaCommands: readonly CliCommand[] = [
  {
    name: 'replicas',
    summary: 'list the replicas: whether they answer, and how far they are behind',
    run: list,
  },
  {
    name: 'replicas join',
    summary: 'meet the node at an address, and replicate to it',
    arguments: [{ name: 'url', summary: 'address of the node, such as http://127.0.0.1:7081' }],
    run: async ({ api, output, signal, arguments: given }) => {
      const json = { endpoint: given.url };
      const response = await api.request('POST', membersUrl, { json, signal });
      const { member } = await readAnswer(response, joinedSchema);
      output.result(member, () => output.line(`joined ${member.nodeId} at ${member.endpoint}`));
    },
  },
  {
    name: 'replicas remove',
    summary: 'forget a node for good, on every node that can be reached',
    arguments: [{ name: 'id', summary: 'id of the node, as `dw replicas` shows it' }],
    run: async ({ api, output, signal, arguments: given }) => {
      const path = apiPath('api', 'v1', 'replicas', given.id ?? '');
      const removed = await readAnswer(
        await api.request('DELETE', path, { signal }),
        removedSchema,
      );
      const { nodeId, wasMember, forgottenBy, notReached } = removed;
      output.result(removed, () => {
        const others = forgottenBy.length > 0 ? `, and on ${forgottenBy.join(', ')}` : '';
        output.line(`${wasMember ? `removed ${nodeId}` : `${nodeId} was no member`} here${others}`);
        for (const { nodeId: other, code } of notReached) {
          output.note(`${other} could not be told (${code}); remove ${nodeId} there as well.`);
        }
      });
    },
  },
];

async function list({ api, output, signal }: CliContext): Promise<void> {
  const response = await api.request('GET', '/api/v1/replicas', { signal });
  const { replicas } = await readAnswer(response, replicasSchema);
  output.result(replicas, () => {
    output.table(
      replicas.map((replica) => ({
        node: replica.nodeId,
        endpoint: replica.endpoint,
        active: replica.active,
        lag: replica.lag,
        'lag bytes': replica.lagBytes,
        'lag s': Number(replica.lagSeconds.toFixed(1)),
        failures: replica.consecutiveFailures,
        resynchronising: replica.resynchronising,
      })),
    );
    if (replicas.length === 0) output.note('This node has no replicas; see `dw replicas join`.');
  });
}
