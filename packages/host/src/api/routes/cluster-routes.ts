import type { HttpRoute } from '@datawarehouse/sdk';
import { z } from 'zod';
import type { HostView } from '../host-view.js';

const joinSchema = z.strictObject({ endpoint: z.string().min(1).max(2_000) });

/** The other nodes of the cluster. */
export function clusterRoutes(view: HostView): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/cluster/members',
      summary: 'The members of the cluster, without this node.',
      handle: async () => ({
        json: { nodeId: view.nodeId, members: view.membership.members() },
      }),
    },
    {
      method: 'POST',
      path: '/api/v1/cluster/members',
      summary: 'Meets the node at an endpoint, and through it the nodes that it knows.',
      bodySchema: joinSchema,
      handle: async ({ json, signal }) => {
        const { endpoint } = json as z.output<typeof joinSchema>;
        return { json: { member: await view.membership.join(endpoint, { signal }) } };
      },
    },
    {
      method: 'DELETE',
      path: '/api/v1/cluster/members/:nodeId',
      summary: 'Forgets a member for good.',
      handle: async ({ params }) => {
        const { nodeId = '' } = params;
        return { json: { nodeId, wasMember: await view.membership.remove(nodeId) } };
      },
    },
  ];
}
