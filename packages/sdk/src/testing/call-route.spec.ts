import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { collectBytes } from '../plugin/collect-bytes.js';
import type { HttpRequest, HttpRoute } from '../plugin/http-route.js';
import { callRoute } from './call-route.js';

const route = (
  method: HttpRoute['method'],
  path: string,
  handle: HttpRoute['handle'],
  rest: Partial<HttpRoute> = {},
): HttpRoute => ({ method, path, summary: 'Is called.', handle, ...rest });

const routes = (...list: readonly HttpRoute[]) => ({ routes: { list } });

/** Answers with what the handler was given. */
const mirror = async (request: HttpRequest) => {
  const { method, url, params, query, headers, json, contentLength } = request;
  return { json: { method, url, params, query, headers, json, contentLength } };
};

describe('callRoute', () => {
  it('hands the handler decoded parameters, query, headers and method', async () => {
    const context = routes(route('GET', '/x/v1/:name/parts/:part', mirror));
    const url = '/x/v1/a%2Fb/parts/%F0%9F%98%80?q=1&q=2&r=%26';
    const response = await callRoute(context, 'HEAD', url, { headers: { 'X-A': 'b' } });
    expect(response).toMatchObject({
      status: 200,
      json: {
        method: 'HEAD',
        url,
        params: { name: 'a/b', part: '😀' },
        query: { q: '2', r: '&' },
        headers: { 'x-a': 'b' },
      },
    });
  });

  it('prefers a name that is written out to a parameter', async () => {
    const answer = (json: string) => async () => ({ json });
    const context = routes(
      route('GET', '/x/v1/:name', answer('parameter')),
      route('GET', '/x/v1/all', answer('name')),
    );
    expect((await callRoute(context, 'GET', '/x/v1/all')).json).toBe('name');
    expect((await callRoute(context, 'GET', '/x/v1/other')).json).toBe('parameter');
  });

  it('parses a JSON body by the schema of the route', async () => {
    const bodySchema = z.strictObject({ a: z.int() });
    const context = routes(route('POST', '/x/v1/a', mirror, { bodySchema }));
    const response = await callRoute(context, 'POST', '/x/v1/a', { body: { a: 1 } });
    expect(response.json).toMatchObject({ json: { a: 1 }, contentLength: 7 });
    await expect(callRoute(context, 'POST', '/x/v1/a', { body: { a: 'b' } })).rejects.toThrow(
      z.ZodError,
    );
  });

  it('gives bytes as a stream, and reads the answer to its end', async () => {
    const context = routes(
      route('PUT', '/x/v1/a', async ({ body }) => ({ status: 201, body }), { maxBodyBytes: 5 }),
    );
    const response = await callRoute(context, 'PUT', '/x/v1/a', { body: 'hello' });
    expect(response).toMatchObject({ status: 201, json: undefined });
    expect(response.body).toEqual(Buffer.from('hello'));
    await expect(callRoute(context, 'PUT', '/x/v1/a', { body: 'hello!' })).rejects.toMatchObject({
      code: 'DW_CONTENT_TOO_LARGE',
    });
  });

  it('answers 204 without a body', async () => {
    const read = async ({ body }: HttpRequest) => {
      expect(await collectBytes(body, 0)).toHaveLength(0);
      return {};
    };
    const context = routes(route('DELETE', '/x/v1/a', read));
    expect(await callRoute(context, 'DELETE', '/x/v1/a')).toEqual({
      status: 204,
      headers: {},
      json: undefined,
      body: undefined,
    });
  });

  it('throws where no route fits', async () => {
    const context = routes(route('GET', '/x/v1/:name', mirror));
    for (const url of ['/x/v1/', '/x/v1', '/x/v1/a/b', '/y/v1/a']) {
      await expect(callRoute(context, 'GET', url)).rejects.toThrow(TypeError);
    }
    await expect(callRoute(context, 'PUT', '/x/v1/a')).rejects.toThrow(TypeError);
  });
});
