import type { CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { answerOf } from './command-values.js';

const pageSize = 1000;

/** Reads every page of a listing. */
export async function listAll<T extends z.ZodType>(
  { api, signal }: CliContext,
  path: string,
  field: string,
  { schema, idOf }: { readonly schema: T; readonly idOf: (item: z.output<T>) => string },
): Promise<readonly z.output<T>[]> {
  const pageSchema = z.looseObject({ [field]: z.array(schema) });
  const all: z.output<T>[] = [];
  for (;;) {
    const last = all.at(-1);
    const query = { limit: pageSize, ...(last !== undefined && { after: idOf(last) }) };
    const answer = await answerOf(await api.request('GET', path, { query, signal }), pageSchema);
    const page = answer[field] as z.output<T>[];
    all.push(...page);
    if (page.length < pageSize) return all;
  }
}
