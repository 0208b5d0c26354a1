import type { HttpRequest, HttpRoute } from '@datawarehouse/sdk';
import type { DeadLetterRetry } from '../queue/dead-letter-retry.js';
import type { DeadLetterName, DeadLetters, KeptLetter } from '../queue/dead-letters.js';
import { pageQuery } from './page-query.js';

const url = '/api/v1/dead-letters';
const urlOfOne = `${url}/:origin/:id`;

/** HTTP routes of the events that could not be applied. */
export function deadLetterRoutes(
  deadLetters: DeadLetters,
  retry: DeadLetterRetry,
): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: url,
      summary: 'Lists the events of other nodes that could not be applied here, page by page.',
      handle: async ({ query }) => {
        const { limit = 100, after } = pageQuery(query);
        const page = await deadLetters.list({ origin: query.origin, after, limit });
        return { json: { letters: page.letters.map(describe), next: page.next } };
      },
    },
    {
      method: 'GET',
      path: urlOfOne,
      summary: 'Shows one of them, with the event as it came.',
      handle: async (request) => {
        const letter = await deadLetters.get(nameOf(request));
        const { data } = letter;
        return { json: { ...describe(letter), event: Buffer.from(data).toString('utf8') } };
      },
    },
    {
      method: 'POST',
      path: `${urlOfOne}/retry`,
      summary: 'Applies it now, and gives the letter up; answers whether the object has changed.',
      handle: async (request) => {
        const name = nameOf(request);
        return { json: { ...name, ...(await retry.retry(name, request.signal)) } };
      },
    },
    {
      method: 'DELETE',
      path: urlOfOne,
      summary: 'Gives it up for good.',
      handle: async (request) => {
        const name = nameOf(request);
        await deadLetters.drop(name);
        return { json: name };
      },
    },
  ];
}

function nameOf({ params }: HttpRequest): DeadLetterName {
  return { origin: params.origin ?? '', id: params.id ?? '' };
}

function describe({ data, ...letter }: KeptLetter) {
  return { ...letter, sizeBytes: data.byteLength };
}
