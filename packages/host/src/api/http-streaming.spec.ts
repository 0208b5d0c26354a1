import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  collectBytes,
  contentError,
  type HttpRequest,
  type HttpResponse,
  type HttpRoute,
  silentLogger,
} from '@datawarehouse/sdk';
import { MemoryMessageBus } from '@datawarehouse/sdk/testing';
import { request as undiciRequest } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { ScalingRegistry } from '../scaling/scaling-registry.js';
import type { HostView } from './host-view.js';
import { HttpServer, type HttpServerLimits } from './http-server.js';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function open(limits: Partial<HttpServerLimits> = {}) {
  const bus = new MemoryMessageBus();
  const view = {
    plugins: () => [],
    scaling: new ScalingRegistry({ bus }),
    bus,
  } as unknown as HostView;
  const server = await HttpServer.open({
    host: '127.0.0.1',
    port: 0,
    token: 'x'.repeat(16),
    view,
    logger: silentLogger,
    limits,
  });
  cleanUp.push(() => server.close({ graceMs: 0 }));
  const endpoint = await server.listen();
  return { server, url: `${endpoint}/test/v1/it`, port: Number(new URL(endpoint).port) };
}

function route(changes: Partial<HttpRoute>): HttpRoute {
  return {
    method: 'GET',
    path: '/test/v1/it',
    summary: 'For a test.',
    access: 'open',
    handle: async () => ({}),
    ...changes,
  };
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(65_536);
}

/** A connection that records what it gets. */
async function dial(port: number): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect({ port, host: '127.0.0.1' });
  let received = '';
  socket.on('data', (data) => (received += data.toString('latin1')));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  cleanUp.push(async () => socket.destroy());
  return { socket, received: () => received };
}

describe('an answer', () => {
  it('is 204 without a body, and carries bytes, JSON and streams as they are', async () => {
    const { server, url } = await open();
    let answer: Awaited<ReturnType<HttpRoute['handle']>> = {};
    server.routes.add(route({ handle: async () => answer }));
    expect((await fetch(url)).status).toBe(204);
    answer = {
      status: 201,
      headers: { 'X-Own': 'yes', 'Content-Type': 'text/x' },
      body: Buffer.from('abc'),
    };
    const bytes = await fetch(url);
    expect([bytes.status, bytes.headers.get('content-length'), bytes.headers.get('x-own')]).toEqual(
      [201, '3', 'yes'],
    );
    expect([bytes.headers.get('content-type'), await bytes.text()]).toEqual(['text/x', 'abc']);
    answer = { json: { ä: 1 } };
    const json = await fetch(url);
    expect(json.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await json.json()).toEqual({ ä: 1 });
    answer = { body: pieces('one ', 'two') };
    expect(await (await fetch(url)).text()).toBe('one two');
    answer = { body: pieces() };
    expect(await (await fetch(url)).text()).toBe('');
  });

  it('to HEAD is that to GET without its body, which is let go', async () => {
    const { server, url } = await open();
    let isDone = false;
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error('read')),
        return: async () => {
          isDone = true;
          return { done: true, value: undefined };
        },
      }),
    };
    let method: string | undefined;
    server.routes.add(
      route({
        handle: async (request) => {
          method = request.method;
          return { headers: { 'content-length': '1234' }, body };
        },
      }),
    );
    const response = await fetch(url, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '1234']);
    expect(method).toBe('HEAD');
    expect(isDone).toBe(true);
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
  });

  it('that fails before its first bytes becomes an error', async () => {
    const { server, url } = await open();
    server.routes.add(
      route({
        handle: async () => ({
          headers: { 'content-length': '5' },
          body: (async function* (): AsyncGenerator<Uint8Array> {
            yield* [];
            throw contentError('DW_CONTENT_NOT_FOUND');
          })(),
        }),
      }),
    );
    const response = await fetch(url);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('DW_CONTENT_NOT_FOUND');
  });

  it.each<[string, Record<string, string>, () => AsyncIterable<Uint8Array>]>([
    [
      'fails later',
      {},
      async function* () {
        yield Buffer.from('half');
        throw contentError('DW_CONTENT_CORRUPT');
      },
    ],
    ['is shorter than announced', { 'content-length': '9' }, () => pieces('half')],
    ['is longer than announced', { 'content-length': '6' }, () => pieces('half', 'half')],
  ])('that %s breaks the connection', async (_, headers, body) => {
    const { server, url } = await open();
    server.routes.add(route({ handle: async () => ({ headers, body: body() }) }));
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
  });

  it('is produced only as fast as it is taken, and ends when the client goes', async () => {
    const { server, url } = await open();
    let produced = 0;
    let isEnded = false;
    let signal: AbortSignal | undefined;
    server.routes.add(
      route({
        handle: async (request) => {
          signal = request.signal;
          return {
            body: (async function* () {
              try {
                for (;;) {
                  produced += 65_536;
                  yield new Uint8Array(65_536);
                }
              } finally {
                isEnded = true;
              }
            })(),
          };
        },
      }),
    );
    const { body } = await undiciRequest(url);
    let before = -1;
    // Without a reader the production comes to a halt once the buffers on the way are full.
    await expect
      .poll(
        () => {
          const isHalted = produced === before;
          before = produced;
          return isHalted;
        },
        { interval: 100, timeout: 5_000 },
      )
      .toBe(true);
    expect(produced).toBeLessThan(64 * 1_048_576);
    body.on('error', () => undefined);
    body.destroy();
    await expect.poll(() => isEnded).toBe(true);
    expect(signal?.aborted).toBe(true);
  });

  it.each<[string, () => HttpResponse]>([
    ['a stream', () => ({ body: endless() })],
    ['bytes', () => ({ body: new Uint8Array(64 * 1_048_576) })],
  ])('is given up when the client takes nothing for too long: %s', async (_, answer) => {
    const { server, url, port } = await open({ bodyIdleMs: 100 });
    server.routes.add(route({ handle: async () => answer() }));
    const socket = connect({ port, host: '127.0.0.1' });
    cleanUp.push(async () => void socket.destroy());
    socket.on('error', () => undefined);
    socket.write(`GET ${new URL(url).pathname} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    let received = 0;
    socket.on('data', ({ byteLength }) => (received += byteLength));
    await once(socket, 'close');
    expect(received).toBeLessThan(64 * 1_048_576);
  });

  it('may come slowly, from a source that takes its time', async () => {
    const { server, url } = await open({ bodyIdleMs: 50 });
    server.routes.add(
      route({
        handle: async () => ({
          body: (async function* () {
            yield Buffer.from('slow ');
            await new Promise((resolve) => setTimeout(resolve, 200));
            yield Buffer.from('but whole');
          })(),
        }),
      }),
    );
    expect(await (await fetch(url)).text()).toBe('slow but whole');
    // The limit of the last answer is none of the next request's.
    expect(await (await fetch(url)).text()).toBe('slow but whole');
  });

  it('that is waited for ends when the client goes', async () => {
    const { server, url } = await open();
    const abort = new AbortController();
    const reason = new Promise<unknown>((resolve) => {
      server.routes.add(
        route({
          handle: ({ signal }) => {
            abort.abort();
            return new Promise((_, reject) => {
              signal.addEventListener('abort', () => {
                resolve(signal.reason);
                reject(signal.reason as Error);
              });
            });
          },
        }),
      );
    });
    await expect(fetch(url, { signal: abort.signal })).rejects.toThrow();
    expect(await reason).toMatchObject({ code: 'DW_API_CLIENT_GONE' });
  });
});

describe('a body', () => {
  it('arrives as a stream, once', async () => {
    const { server, url } = await open();
    server.routes.add(
      route({
        method: 'PUT',
        handle: async ({ body, contentLength, json }) => {
          const { byteLength } = await collectBytes(body, 10_000_000);
          const again = await collectBytes(body, 1).catch((error: unknown) => error);
          return { json: { byteLength, contentLength, json, again } };
        },
      }),
    );
    const response = await fetch(url, { method: 'PUT', body: new Uint8Array(5_000_000) });
    expect(await response.json()).toEqual({
      byteLength: 5_000_000,
      contentLength: 5_000_000,
      again: expect.objectContaining({ code: 'DW_API_BODY_CONSUMED' }),
    });
  });

  it('over its limit is refused by its length, and while it streams', async () => {
    const { server, url } = await open();
    let read = 0;
    server.routes.add(
      route({
        method: 'PUT',
        maxBodyBytes: 100_000,
        handle: async ({ body }) => {
          for await (const piece of body) read += piece.byteLength;
          return {};
        },
      }),
    );
    const announced = await fetch(url, { method: 'PUT', body: new Uint8Array(100_001) });
    expect(announced.status).toBe(413);
    expect(read).toBe(0);
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
    });
    const init = { method: 'PUT', body: endless, duplex: 'half' };
    const streamed = await fetch(url, init as RequestInit);
    expect(streamed.status).toBe(413);
    expect(await streamed.text()).toContain('"code":"DW_API_BODY_TOO_LARGE"');
    expect(read).toBeLessThanOrEqual(100_000);
    expect((await fetch(url, { method: 'PUT', body: new Uint8Array(100_000) })).status).toBe(204);
  });

  it('that nobody reads does not spoil the next request of the connection', async () => {
    const { server, port } = await open();
    let count = 0;
    server.routes.add(route({ method: 'PUT', handle: async () => ({ json: (count += 1) }) }));
    const { socket, received } = await dial(port);
    const request = `PUT /test/v1/it HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n${'x'.repeat(200_000)}`;
    socket.write(request);
    await expect.poll(received).toMatch(/\r\n\r\n1$/);
    socket.write(request);
    await expect.poll(received).toMatch(/\r\n\r\n2$/);
  });

  it.each(['half-closed', 'closed'])(
    'that ends early, %s, is never taken for whole',
    async (how) => {
      const { server, port } = await open();
      const outcome = new Promise<unknown>((resolve) => {
        server.routes.add(
          route({
            method: 'PUT',
            handle: async ({ body }: HttpRequest) => {
              try {
                resolve(await collectBytes(body, 1_000));
              } catch (error) {
                resolve(error);
                throw error;
              }
              return {};
            },
          }),
        );
      });
      const { socket, received } = await dial(port);
      socket.write('PUT /test/v1/it HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf');
      await new Promise((resolve) => setImmediate(resolve));
      if (how === 'closed') socket.resetAndDestroy();
      else {
        socket.end();
        await expect.poll(received).toMatch(/^HTTP\/1.1 400 .*"DW_API_BODY_INCOMPLETE"/s);
      }
      expect(await outcome).toMatchObject({
        code: expect.stringMatching(/^DW_API_(BODY_INCOMPLETE|CLIENT_GONE)$/),
      });
    },
  );

  it('that does not move is given up with 408', async () => {
    const { server, port } = await open({ bodyIdleMs: 50 });
    server.routes.add(
      route({
        method: 'PUT',
        handle: async ({ body }) => ({ json: (await collectBytes(body, 100)).byteLength }),
      }),
    );
    const { socket, received } = await dial(port);
    socket.write('PUT /test/v1/it HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf');
    await expect.poll(received).toMatch(/^HTTP\/1.1 408 .*"DW_API_REQUEST_TIMEOUT"/s);
    await expect.poll(() => socket.closed, { timeout: 3_000 }).toBe(true);
  });

  it('that moves may take longer than the time for a head', async () => {
    const { server, port } = await open({ headMs: 50, checkMs: 10, bodyIdleMs: 1_000 });
    server.routes.add(
      route({
        method: 'PUT',
        handle: async ({ body }) => ({ json: (await collectBytes(body, 100)).byteLength }),
      }),
    );
    const { socket, received } = await dial(port);
    socket.write('PUT /test/v1/it HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n');
    for (const letter of 'abcde') {
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.write(letter);
    }
    await expect.poll(received).toMatch(/^HTTP\/1.1 200 .*\r\n\r\n5$/s);
  });
});
