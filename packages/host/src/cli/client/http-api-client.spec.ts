import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpApiClient } from './http-api-client.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return `http://127.0.0.1:${address.port}`;
}

function clientOf(endpoint: string, options: { signal?: AbortSignal; silenceMs?: number } = {}) {
  const address = {
    endpoint,
    token: 't0ken',
    endpointSource: '--endpoint',
    tokenSource: '--token',
  };
  const client = new HttpApiClient({ address, ...options });
  opened.push(() => client.close());
  return client;
}

async function serve(handler: Handler, options = {}): Promise<HttpApiClient> {
  const server = createServer((request, response) => void handler(request, response));
  const endpoint = await listen(server);
  opened.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return clientOf(endpoint, options);
}

function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('HttpApiClient', () => {
  it('sends the token, the query and JSON, and reads JSON', async () => {
    const client = await serve(async (request, response) => {
      const { authorization, 'content-type': type } = request.headers;
      answerJson(response, 200, {
        url: request.url,
        authorization,
        type,
        body: await textOf(request),
      });
    });
    const response = await client.request('POST', '/api/v1/x', {
      json: { a: 1 },
      query: { limit: 5, after: 'ä b', none: undefined },
    });
    expect(await response.json()).toEqual({
      url: '/api/v1/x?limit=5&after=%C3%A4+b',
      authorization: 'Bearer t0ken',
      type: 'application/json',
      body: '{"a":1}',
    });
  });

  it('streams a body out and the answer in', async () => {
    const client = await serve((request, response) => void request.pipe(response));
    const body = (async function* () {
      for (let index = 0; index < 100; index += 1) yield Buffer.alloc(10_000, index);
    })();
    const response = await client.request('PUT', '/echo', { body });
    let sizeBytes = 0;
    for await (const chunk of response.body) sizeBytes += chunk.byteLength;
    expect(sizeBytes).toBe(1_000_000);
  });

  it('reads a source no faster than the node takes it', async () => {
    let readBytes = 0;
    const client = await serve((request) => void request.pause());
    const body = (async function* () {
      for (;;) {
        readBytes += 1_000_000;
        yield Buffer.alloc(1_000_000);
      }
    })();
    const abort = new AbortController();
    const request = client.request('PUT', '/slow', { body, signal: abort.signal });
    await new Promise((resolve) => setTimeout(resolve, 300));
    abort.abort(new Error('enough'));
    await expect(request).rejects.toThrow('enough');
    expect(readBytes).toBeLessThan(50_000_000);
  });

  it('throws the error that the node names', async () => {
    const client = await serve((_, response) => {
      const error = { code: 'DW_X_FULL', message: 'full', hint: 'wait', retryable: true };
      answerJson(response, 429, { error: { ...error, details: { depth: 3 } } });
    });
    await expect(client.request('GET', '/')).rejects.toMatchObject({
      code: 'DW_X_FULL',
      message: 'full',
      hint: 'wait',
      retryable: true,
      category: 'exhausted',
      details: { depth: 3 },
    });
  });

  it('tells where the refused token came from', async () => {
    const client = await serve((_, response) => {
      response.setHeader('www-authenticate', 'Bearer');
      answerJson(response, 401, { error: { code: 'DW_API_X', message: 'no' } });
    });
    await expect(client.request('GET', '/')).rejects.toMatchObject({
      code: 'DW_CLI_TOKEN_REFUSED',
      message: expect.stringContaining('--token'),
    });
  });

  it('keeps the code of another failed authentication', async () => {
    const client = await serve((_, response) =>
      answerJson(response, 401, { error: { code: 'DW_PEER_UNAUTHENTICATED', message: 'secret' } }),
    );
    await expect(client.request('POST', '/')).rejects.toMatchObject({
      code: 'DW_PEER_UNAUTHENTICATED',
    });
  });

  it('knows an answer to HEAD by its status', async () => {
    const client = await serve((_, response) => void response.writeHead(404).end());
    await expect(client.request('HEAD', '/')).rejects.toMatchObject({ category: 'notFound' });
  });

  it.each([
    [
      'a page',
      (_: IncomingMessage, response: ServerResponse) => void response.writeHead(404).end('<p>'),
    ],
    [
      'JSON of others',
      (_: IncomingMessage, response: ServerResponse) => answerJson(response, 500, {}),
    ],
  ])('says that %s comes from no node', async (_, handler) => {
    const client = await serve(handler);
    await expect(client.request('GET', '/')).rejects.toMatchObject({ code: 'DW_CLI_NOT_A_NODE' });
  });

  it('says that an answer which is no JSON comes from no node', async () => {
    const client = await serve((_, response) => void response.end('hello'));
    const response = await client.request('GET', '/');
    await expect(response.json()).rejects.toMatchObject({ code: 'DW_CLI_NOT_A_NODE' });
  });

  it('says that what speaks no HTTP is no node', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('220 mail ready\r\n');
    });
    const endpoint = await listen(server);
    opened.push(async () => void server.close());
    await expect(clientOf(endpoint).request('GET', '/')).rejects.toMatchObject({
      code: 'DW_CLI_NOT_A_NODE',
    });
  });

  it('says that nothing listens, and how to start a node', async () => {
    const server = createTcpServer();
    const endpoint = await listen(server);
    server.close();
    await once(server, 'close');
    await expect(clientOf(endpoint).request('GET', '/')).rejects.toMatchObject({
      code: 'DW_CLI_UNREACHABLE',
      retryable: true,
      hint: expect.stringContaining('dw start'),
    });
  });

  it('says that the connection broke off in the middle of an answer', async () => {
    const client = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setImmediate(() => response.destroy());
    });
    const response = await client.request('GET', '/');
    await expect(textOf(response.body)).rejects.toMatchObject({ code: 'DW_CLI_CONNECTION_LOST' });
  });

  it('gives up on a node that says nothing for too long', async () => {
    const client = await serve(() => undefined, { silenceMs: 100 });
    await expect(client.request('GET', '/')).rejects.toMatchObject({ code: 'DW_CLI_TIMEOUT' });
  });

  it('rejects with the reason of its own signal', async () => {
    const abort = new AbortController();
    const client = await serve(() => abort.abort(new Error('stop')), { signal: abort.signal });
    await expect(client.request('GET', '/')).rejects.toThrow('stop');
    await expect(client.request('GET', '/')).rejects.toThrow('stop');
  });

  it('passes on what the source of a body throws', async () => {
    const client = await serve((request, response) => void request.pipe(response));
    const body = (async function* () {
      yield Buffer.from('a');
      throw new TypeError('unreadable');
    })();
    await expect(client.request('PUT', '/', { body })).rejects.toThrow('unreadable');
  });
});
