import type { ApiResponse, CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { readAnswer } from './read-answer.js';

const url = '/api/v1/routes';

const routingSchema = z.looseObject({
  defaultStrategy: z.string(),
  routes: z.array(z.looseObject({ pattern: z.string(), strategy: z.string() })),
});

const explanationSchema = z.looseObject({
  namespace: z.string(),
  key: z.string(),
  strategy: z.string(),
  decidedBy: z.looseObject({
    kind: z.string(),
    pattern: z.string().optional(),
    position: z.number().optional(),
  }),
});

const pattern = { name: 'pattern', summary: 'glob such as critical/**; quote it in a shell' };
const strategy = { name: 'strategy', summary: 'asynchronous, synchronous, local-only, …' };

/** `dw routes` and the commands below it. */
export const routingCommands: readonly CliCommand[] = [
  {
    name: 'routes',
    summary: 'list the routes in order, and the default',
    help: `The first route that fits decides. A route that fits "namespace/key" but not the
namespace is about single keys, and comes before those that fit the namespace.`,
    run: async ({ api, output, signal }) =>
      await show(output, await api.request('GET', url, { signal })),
  },
  {
    name: 'routes set',
    summary: 'add a route, or change the one with its pattern',
    arguments: [pattern, strategy],
    options: [{ flags: '--position <number>', summary: 'place in the order, from 0' }],
    help: `Example:
  $ dw routes set 'critical/**' synchronous`,
    run: async ({ api, output, signal, arguments: given, options }) => {
      const position = options.position === undefined ? undefined : Number(options.position);
      const json = { pattern: given.pattern, strategy: given.strategy, position };
      await show(output, await api.request('PUT', url, { json, signal }));
    },
  },
  {
    name: 'routes remove',
    summary: 'remove the route with a pattern',
    arguments: [pattern],
    run: async ({ api, output, signal, arguments: given }) => {
      const query = { pattern: given.pattern };
      await show(output, await api.request('DELETE', url, { query, signal }));
    },
  },
  {
    name: 'routes default',
    summary: 'set the strategy of names that no route fits',
    arguments: [strategy],
    run: async ({ api, output, signal, arguments: given }) => {
      const json = { strategy: given.strategy };
      await show(output, await api.request('PUT', `${url}/default`, { json, signal }));
    },
  },
  {
    name: 'routes explain',
    summary: 'say which strategy an object has, and which route decides',
    arguments: [
      { name: 'namespace', summary: 'namespace of the object, or NAMESPACE/KEY' },
      {
        name: 'key',
        summary: 'key of the object; without it, what follows the last slash is the key',
        required: false,
      },
    ],
    help: `Example:
  $ dw routes explain critical/eu/report.pdf`,
    run: explain,
  },
];

async function show(output: CliContext['output'], response: ApiResponse): Promise<void> {
  const { defaultStrategy, routes } = await readAnswer(response, routingSchema);
  output.result({ defaultStrategy, routes }, () => {
    output.table([
      ...routes.map((route, position) => ({ position, ...route })),
      { position: 'default', pattern: '', strategy: defaultStrategy },
    ]);
  });
}

async function explain({ api, output, signal, arguments: given }: CliContext): Promise<void> {
  const query = objectOf(given.namespace ?? '', given.key);
  const response = await api.request('GET', `${url}/explain`, { query, signal });
  const explanation = await readAnswer(response, explanationSchema);
  output.result(explanation, () => {
    const { strategy: name, decidedBy } = explanation;
    const { kind, position, pattern: by } = decidedBy;
    if (by === undefined) output.line(`${name}, by the default`);
    else output.line(`${name}, by the ${kind} route ${by} at position ${position ?? '?'}`);
  });
}

/** A key without a namespace is answered by the node, which says what is wrong. */
function objectOf(name: string, key: string | undefined) {
  if (key !== undefined) return { namespace: name, key };
  const slash = name.lastIndexOf('/');
  return { namespace: name.slice(0, Math.max(0, slash)), key: name.slice(slash + 1) };
}
