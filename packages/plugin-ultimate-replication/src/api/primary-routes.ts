import type { HttpRoute } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import type { PrimaryRegister } from '../primary/primary-register.js';
import type { ReplicaRegistry } from '../replicas/replica-registry.js';

const url = '/api/v1/primary';
const promotionSchema = z.strictObject({ nodeId: z.string() });

/** What the routes of the primary work with. */
export interface PrimaryRoutesOptions {
  readonly nodeId: string;
  readonly primary: PrimaryRegister;
  readonly registry: ReplicaRegistry;
  readonly links: { suspected(nodeId: string): void };
}

/** HTTP routes of the primary. */
export function primaryRoutes(options: PrimaryRoutesOptions): readonly HttpRoute[] {
  const { nodeId, primary, registry, links } = options;
  const answer = () => ({ json: { nodeId, primary: primary.current } });
  return [
    {
      method: 'GET',
      path: url,
      summary: 'Shows which node is the primary, and since which term.',
      handle: async () => answer(),
    },
    {
      method: 'PUT',
      path: url,
      summary: 'Makes a node the primary.',
      bodySchema: promotionSchema,
      handle: async ({ json }) => {
        const chosen = promotionSchema.parse(json).nodeId;
        if (chosen !== nodeId && registry.get(chosen) === undefined) {
          throw replicationError('DW_REPLICATION_UNKNOWN_NODE', { details: { nodeId: chosen } });
        }
        await primary.promote(chosen);
        // The next probe tells them, and it comes at once.
        for (const replica of registry.list()) links.suspected(replica.nodeId);
        return answer();
      },
    },
  ];
}
