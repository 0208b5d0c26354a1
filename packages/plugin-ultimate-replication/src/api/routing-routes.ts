import type { HttpRoute } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import type { Routing, StrategyRouter } from '../routing/strategy-router.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';

const url = '/api/v1/routes';
const routeSchema = z.strictObject({
  pattern: z.string(),
  strategy: z.string(),
  /** Place in the order, from 0; by default its present one, or the last. */
  position: z.int().min(0).optional(),
});
const defaultSchema = z.strictObject({ strategy: z.string() });

/** HTTP routes of the routing table. Each answers the whole table. */
export function routingRoutes(
  router: StrategyRouter,
  strategies: StrategyRegistry,
): readonly HttpRoute[] {
  const answer = ({ routes, defaultStrategy }: Routing) => ({
    json: { routes, defaultStrategy, strategies: strategies.list() },
  });
  return [
    {
      method: 'GET',
      path: url,
      summary: 'Lists the routes in order, the default, and the strategies.',
      handle: async () => answer(router.routing),
    },
    {
      method: 'PUT',
      path: url,
      summary: 'Adds a route, or changes the one with its pattern.',
      bodySchema: routeSchema,
      handle: async ({ json }) => {
        const { pattern, strategy, position } = routeSchema.parse(json);
        return answer(await router.set({ pattern, strategy }, { position }));
      },
    },
    {
      method: 'DELETE',
      path: url,
      summary: 'Removes the route with a pattern.',
      handle: async ({ query }) => answer(await router.remove(required(query, 'pattern'))),
    },
    {
      method: 'PUT',
      path: `${url}/default`,
      summary: 'Sets the strategy of names that no route fits.',
      bodySchema: defaultSchema,
      handle: async ({ json }) =>
        answer(await router.setDefault(defaultSchema.parse(json).strategy)),
    },
    {
      method: 'GET',
      path: `${url}/explain`,
      summary: 'Says which strategy an object has, and which route decides.',
      handle: async ({ query }) => {
        const namespace = required(query, 'namespace');
        const key = required(query, 'key');
        const { strategy, match } = router.explain(namespace, key);
        const by = match
          ? { ...match.route, kind: match.kind, position: match.position }
          : { kind: 'default' };
        return { json: { namespace, key, strategy, decidedBy: by } };
      },
    },
  ];
}

function required(query: Readonly<Record<string, string>>, name: string): string {
  const value = query[name];
  if (value !== undefined && value !== '') return value;
  throw replicationError('DW_REPLICATION_INVALID_QUERY', {
    message: `The parameter ${name} is missing`,
  });
}
