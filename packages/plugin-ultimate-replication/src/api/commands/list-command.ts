import type { CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { objectAddress } from './object-path.js';
import { pages } from './pages.js';

const objectsSchema = z.looseObject({
  objects: z.array(
    z.looseObject({
      key: z.string(),
      sizeBytes: z.number(),
      digest: z.string(),
      version: z.string(),
      updatedAtMs: z.number(),
      strategy: z.string(),
    }),
  ),
  next: z.string().optional(),
});

const namespacesSchema = z.looseObject({
  namespaces: z.array(z.string()),
  next: z.string().optional(),
});

/** `dw ls`. */
export const listCommand: CliCommand = {
  name: 'ls',
  summary: 'list the objects of a namespace, or the namespaces',
  arguments: [
    { name: 'namespace', summary: 'namespace to list; all namespaces without it', required: false },
  ],
  options: [{ flags: '--prefix <text>', summary: 'only keys that begin so' }],
  run: (context) =>
    context.arguments.namespace === undefined
      ? listNamespaces(context)
      : listObjects(context, context.arguments.namespace),
};

async function listNamespaces(context: CliContext): Promise<void> {
  const { output } = context;
  const namespaces: string[] = [];
  const address = { path: '/api/v1/namespaces', query: {} };
  for await (const page of pages(context, address, namespacesSchema)) {
    namespaces.push(...page.namespaces);
  }
  output.result(
    namespaces.map((namespace) => ({ namespace })),
    () => {
      for (const namespace of namespaces) output.line(namespace);
      if (namespaces.length === 0) output.note('There are no objects on this node.');
    },
  );
}

async function listObjects(context: CliContext, namespace: string): Promise<void> {
  const { output, options } = context;
  const prefix = typeof options.prefix === 'string' ? options.prefix : undefined;
  const objects: z.output<typeof objectsSchema>['objects'] = [];
  const { path, query } = objectAddress(namespace);
  const address = { path, query: { ...query, prefix } };
  for await (const page of pages(context, address, objectsSchema)) {
    objects.push(...page.objects);
  }
  output.result(objects, () => {
    output.table(
      objects.map(({ key, sizeBytes, updatedAtMs, strategy, version }) => ({
        key,
        bytes: sizeBytes,
        updated: new Date(updatedAtMs).toISOString(),
        strategy,
        version,
      })),
    );
    if (objects.length === 0) output.note(`There are no such objects in ${namespace}.`);
  });
}
