import type { ApiRequest, CliContext } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { readAnswer } from './read-answer.js';

const pageLength = 1000;

/** Reads a listing page by page. */
export async function* pages<T extends { readonly next?: string | undefined }>(
  { api, signal }: CliContext,
  { path, query }: { readonly path: string; readonly query: ApiRequest['query'] },
  schema: ZodType<T>,
): AsyncGenerator<T> {
  let after: string | undefined;
  do {
    const request = { query: { ...query, limit: pageLength, after }, signal };
    const page: T = await readAnswer(await api.request('GET', path, request), schema);
    yield page;
    after = page.next;
  } while (after !== undefined);
}
