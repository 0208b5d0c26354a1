import { connect, createServer } from 'node:net';
import {
  DwError,
  type ErrorCategory,
  type HttpRequest,
  type HttpRoute,
  silentLogger,
} from '@datawarehouse/sdk';
import { MemoryMessageBus } from '@datawarehouse/sdk/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ScalingRegistry } from '../scaling/scaling-registry.js';
import type { HostView } from './host-view.js';
import { HttpServer, type HttpServerLimits } from './http-server.js';

const token = 'operator-token-1234';
const operator = { authorization: `Bearer ${token}` };

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface TestServer {
  readonly server: HttpServer;
  readonly endpoint: string;
  readonly logged: unknown[];
}

async function open(limits: Partial<HttpServerLimits> = {}): Promise<TestServer> {
  const logged: unknown[] = [];
  const bus = new MemoryMessageBus();
  const view: HostView = {
    nodeId: 'n1',
    publicKey: 'k',
    version: '6.0.0',
    startedAtMs: Date.now(),
    plugins: () => [],
    isReady: () => true,
    scaling: new ScalingRegistry({ bus }),
    membership: {
      members: () => [],
      member: () => undefined,
      join: () => Promise.reject(new Error('none')),
      remove: async () => false,
    },
    bus,
  };
  const logger = { ...silentLogger, error: (fields: unknown) => void logged.push(fields) };
  const server = await HttpServer.open({ host: '127.0.0.1', port: 0, token, view, logger, limits });
  cleanUp.push(() => server.close({ graceMs: 0 }));
  return { server, endpoint: await server.listen(), logged };
}

function route(changes: Partial<HttpRoute> = {}): HttpRoute {
  return {
    method: 'GET',
    path: '/test/v1/it',
    summary: 'For a test.',
    access: 'open',
    handle: async () => ({ json: { ok: true } }),
    ...changes,
  };
}

async function errorOf(response: Response): Promise<Record<string, unknown>> {
  return ((await response.json()) as { error: Record<string, unknown> }).error;
}

/** Sends raw bytes, and resolves to all that comes back. */
function exchange(endpoint: string, bytes: string, end = false): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(endpoint).port), host: '127.0.0.1' });
    let answer = '';
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write(bytes, () => end && socket.end());
  });
}

describe('HttpServer: access', () => {
  it.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['a longer token', { authorization: `Bearer ${token}x` }],
    ['another scheme', { authorization: `Basic ${token}` }],
  ])('answers %s with 401 and how to authenticate', async (_, headers) => {
    const { endpoint } = await open();
    const response = await fetch(`${endpoint}/api/v1/status`, { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(await errorOf(response)).toMatchObject({
      code: 'DW_API_UNAUTHENTICATED',
      message: expect.any(String),
      hint: expect.stringContaining('Bearer'),
      retryable: false,
      details: {},
    });
  });

  it('lets an operator in', async () => {
    const { endpoint } = await open();
    const headers = { authorization: `bearer  ${token}` };
    expect((await fetch(`${endpoint}/api/v1/status`, { headers })).status).toBe(200);
  });

  it('asks no token on open routes, and does on others of plugins', async () => {
    const { server, endpoint } = await open();
    server.routes.add(route());
    server.routes.add({ ...route({ path: '/test/v1/closed' }), access: 'operator' });
    expect((await fetch(`${endpoint}/test/v1/it`)).status).toBe(200);
    expect((await fetch(`${endpoint}/test/v1/closed`)).status).toBe(401);
    expect((await fetch(`${endpoint}/test/v1/closed`, { headers: operator })).status).toBe(200);
  });

  it('answers 401 to a large upload before it is sent', async () => {
    const { server, endpoint } = await open();
    server.routes.add(route({ method: 'PUT', access: 'operator' }));
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
    const response = await fetch(`${endpoint}/test/v1/it`, {
      method: 'PUT',
      body,
      duplex: 'half',
    });
    expect(response.status).toBe(401);
  });
});

describe('HttpServer: refusals', () => {
  it('answers an unknown address with 404, and an unknown method with 405', async () => {
    const { server, endpoint } = await open();
    server.routes.add(route());
    server.routes.add(route({ method: 'DELETE' }));
    const unknown = await fetch(`${endpoint}/test/v1/other`);
    expect(unknown.status).toBe(404);
    expect(await errorOf(unknown)).toMatchObject({ code: 'DW_API_NOT_FOUND' });
    for (const method of ['PUT', 'OPTIONS', 'PROPFIND']) {
      const wrong = await fetch(`${endpoint}/test/v1/it`, { method });
      expect(wrong.status).toBe(405);
      expect(wrong.headers.get('allow')).toBe('HEAD, GET, DELETE');
      expect(await errorOf(wrong)).toMatchObject({ code: 'DW_API_METHOD_NOT_ALLOWED' });
    }
  });

  it.each(['/test/v1/%zz', '/test/v1/%ff', '/%', '/test/v1/it?a=%zz', '/test/v1/it?a=%ff'])(
    'answers the badly encoded %s with 400',
    async (path) => {
      const { server, endpoint } = await open();
      server.routes.add(route({ path: '/test/v1/:name' }));
      const answer = await exchange(
        endpoint,
        `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      expect(answer).toContain('"code":"DW_API_BAD_ENCODING"');
    },
  );

  it('takes names of 16 KiB in the address, and none beyond', async () => {
    const { server, endpoint } = await open();
    server.routes.add(
      route({
        path: '/test/v1/:name',
        handle: async ({ params }) => ({ json: params.name?.length }),
      }),
    );
    expect(await (await fetch(`${endpoint}/test/v1/${'x'.repeat(16_384)}`)).json()).toBe(16_384);
    const long = await fetch(`${endpoint}/test/v1/${'x'.repeat(16_385)}`);
    expect(long.status).toBe(414);
    expect(await errorOf(long)).toMatchObject({ code: 'DW_API_URL_TOO_LONG' });
    const longer = await fetch(`${endpoint}/test/v1/${'x'.repeat(70_000)}`);
    expect(longer.status).toBe(431);
    expect(await errorOf(longer)).toMatchObject({ code: 'DW_API_HEADERS_TOO_LARGE' });
  });

  it('answers what is no HTTP with 400', async () => {
    const { endpoint } = await open();
    const answer = await exchange(endpoint, 'nonsense\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"code":"DW_API_MALFORMED_REQUEST"');
  });

  it('answers a head that comes too slowly with 408', async () => {
    const { endpoint } = await open({ headMs: 100, checkMs: 20 });
    const answer = await exchange(endpoint, 'GET /health HTTP/1.1\r\nx-slow: ');
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('"code":"DW_API_REQUEST_TIMEOUT"');
  });

  it.each<[ErrorCategory, number]>([
    ['invalid', 400],
    ['unauthenticated', 401],
    ['denied', 403],
    ['notFound', 404],
    ['conflict', 409],
    ['tooLarge', 413],
    ['exhausted', 429],
    ['unavailable', 503],
    ['timeout', 504],
    ['corrupt', 500],
    ['internal', 500],
  ])('answers a DwError of category %s with %i and its code', async (category, status) => {
    const { server, endpoint } = await open();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    server.routes.add(
      route({
        handle: async () => {
          throw new DwError('DW_TEST_CODE', 'It failed', {
            category,
            hint: 'Do it well.',
            retryable: true,
            details: { retryAfterMs: 1_500, cycle, big: 1n },
          });
        },
      }),
    );
    const response = await fetch(`${endpoint}/test/v1/it`);
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(response.headers.get('www-authenticate')).toBe(null);
    expect(await response.json()).toEqual({
      error: {
        code: 'DW_TEST_CODE',
        message: 'It failed',
        hint: 'Do it well.',
        retryable: true,
        details: { retryAfterMs: 1_500 },
      },
    });
  });

  it.each<[string, HttpRoute['handle']]>([
    ['throws', async () => Promise.reject(new Error('at /secret/path.ts'))],
    ['answers what JSON cannot write', async () => ({ json: 1n })],
    ['answers a header that HTTP cannot carry', async () => ({ headers: { a: 'b\r\nc: d' } })],
  ])('answers 500 without particulars where a handler %s, and logs them', async (_, handle) => {
    const { server, endpoint, logged } = await open();
    server.routes.add(route({ handle }));
    const response = await fetch(`${endpoint}/test/v1/it`);
    expect(response.status).toBe(500);
    const body = await response.text();
    expect(body).toContain('"code":"DW_API_INTERNAL"');
    expect(body).not.toMatch(/secret|stack|\.ts|BigInt/);
    expect(logged).toEqual([
      expect.objectContaining({
        requestId: response.headers.get('x-request-id'),
        error: expect.any(Error),
      }),
    ]);
  });

  it('gives every answer a request id of its own', async () => {
    const { endpoint } = await open();
    const ids = new Set<string | null>();
    for (let i = 0; i < 3; i += 1) {
      ids.add((await fetch(`${endpoint}/nothing`)).headers.get('x-request-id'));
    }
    expect(ids.size).toBe(3);
  });
});

describe('HttpServer: JSON bodies', () => {
  async function openEcho(maxBodyBytes?: number): Promise<string> {
    const { server, endpoint } = await open();
    server.routes.add(
      route({
        method: 'POST',
        bodySchema: z.strictObject({ name: z.string(), count: z.number().default(1) }),
        ...(maxBodyBytes !== undefined && { maxBodyBytes }),
        handle: async ({ json }) => ({ json }),
      }),
    );
    return `${endpoint}/test/v1/it`;
  }

  it('are parsed by the schema of the route', async () => {
    const response = await fetch(await openEcho(), { method: 'POST', body: '{"name":"ä"}' });
    expect(await response.json()).toEqual({ name: 'ä', count: 1 });
  });

  it.each([
    ['{"name":', 'DW_API_MALFORMED_JSON'],
    ['', 'DW_API_INVALID_BODY'],
    ['null', 'DW_API_INVALID_BODY'],
    ['{"name":1}', 'DW_API_INVALID_BODY'],
    ['{"name":"a","other":1}', 'DW_API_INVALID_BODY'],
    [new Uint8Array([0x22, 0xff, 0x22]), 'DW_API_MALFORMED_JSON'],
  ])('are refused with 400 when they are %j', async (body, code) => {
    const response = await fetch(await openEcho(), { method: 'POST', body });
    expect(response.status).toBe(400);
    const error = await errorOf(response);
    expect(error).toMatchObject({ code });
    if (body === '{"name":1}') {
      expect(error.details).toEqual({ issues: [expect.stringMatching(/^name: /)] });
    }
  });

  it('are limited to 1 MiB, or to what the route says', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(1_048_576) });
    const response = await fetch(await openEcho(), { method: 'POST', body: large });
    expect(response.status).toBe(413);
    const small = await fetch(await openEcho(10), { method: 'POST', body: '{"name":"aaa"}' });
    expect(await errorOf(small)).toMatchObject({
      code: 'DW_API_BODY_TOO_LARGE',
      details: { maxBytes: 10 },
    });
  });
});

describe('HttpServer: routes', () => {
  it('come and go at run time', async () => {
    const { server, endpoint } = await open();
    expect((await fetch(`${endpoint}/test/v1/it`)).status).toBe(404);
    const added = server.routes.add(route());
    expect((await fetch(`${endpoint}/test/v1/it`)).status).toBe(200);
    added[Symbol.dispose]();
    added[Symbol.dispose]();
    expect((await fetch(`${endpoint}/test/v1/it`)).status).toBe(404);
    server.routes.add(route());
    added[Symbol.dispose]();
    expect((await fetch(`${endpoint}/test/v1/it`)).status).toBe(200);
  });

  it('are added once, and below an address of their own', async () => {
    const { server } = await open();
    server.routes.add(route({ path: '/test/v1/a/:b' }));
    expect(() => server.routes.add(route({ path: '/test/v1/a/:c' }))).toThrow(TypeError);
    expect(() => server.routes.add(route({ path: '/api/v1/status' }))).toThrow(TypeError);
    for (const path of ['/health', '/test/v2/a', 'test/v1/a', '/test/v1/*', '/test/v1/:a(.*)']) {
      expect(() => server.routes.add(route({ path }))).toThrow(TypeError);
    }
  });

  it('get their address decoded', async () => {
    const { server, endpoint } = await open();
    const seen: HttpRequest[] = [];
    server.routes.add(
      route({
        path: '/test/v1/o/:namespace/:key',
        handle: async (request) => {
          seen.push(request);
          return {};
        },
      }),
    );
    const names = ['a/b', '100%', '%2F', 'ü€😀', 'a b+c', '..%', '?&=#', '__proto__'];
    for (const name of names) {
      const path = `/test/v1/o/${encodeURIComponent(name)}/${encodeURIComponent(name)}`;
      const query = `q=${encodeURIComponent(name)}&two=1&two=2+3&flag&__proto__=x`;
      const response = await fetch(`${endpoint}${path}?${query}`, { headers: { 'X-Name': 'v' } });
      expect(response.status).toBe(204);
      const request = seen.at(-1);
      expect(request?.params).toMatchObject({ namespace: name, key: name });
      expect(request?.query).toMatchObject({ q: name, two: '2 3', flag: '' });
      expect(Object.keys(request?.query ?? {})).toContain('__proto__');
      expect(request?.url).toBe(`${path}?${query}`);
      expect(request?.headers['x-name']).toBe('v');
    }
  });
});

describe('HttpServer: beginning and end', () => {
  it('says that the port is in use, or the address none of this machine', async () => {
    const { endpoint } = await open();
    const view = {} as HostView;
    const options = { token, view, logger: silentLogger };
    const port = Number(new URL(endpoint).port);
    await using taken = await HttpServer.open({ ...options, host: '127.0.0.1', port });
    await expect(taken.listen()).rejects.toMatchObject({
      code: 'DW_HOST_PORT_IN_USE',
      details: { port },
    });
    await using foreign = await HttpServer.open({ ...options, host: '192.0.2.1', port: 0 });
    await expect(foreign.listen()).rejects.toMatchObject({ code: 'DW_HOST_ADDRESS' });
  });

  it('lets a request in flight end, and takes no new one', async () => {
    const { server, endpoint } = await open();
    let release: () => void = () => undefined;
    const entered = new Promise<void>((resolve) => {
      server.routes.add(
        route({
          method: 'POST',
          handle: async () => {
            resolve();
            await new Promise<void>((released) => {
              release = released;
            });
            return { json: 'done' };
          },
        }),
      );
    });
    const response = fetch(`${endpoint}/test/v1/it`, { method: 'POST' });
    await entered;
    const closed = server.close();
    await expect(fetch(`${endpoint}/health`)).rejects.toThrow();
    release();
    expect(await (await response).json()).toBe('done');
    await closed;
    await server.close();
  });

  it('tells those at once who only wait', async () => {
    const { server, endpoint } = await open();
    const entered = new Promise<void>((resolve) => {
      server.routes.add(
        route({
          handle: ({ signal }) => {
            resolve();
            return new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error));
            });
          },
        }),
      );
    });
    const response = fetch(`${endpoint}/test/v1/it`);
    await entered;
    await server.close({ graceMs: 60_000 });
    expect((await response).status).toBe(503);
    expect(await errorOf(await response)).toMatchObject({ code: 'DW_HOST_STOPPED' });
  });

  it('ends what lasts longer than the grace', async () => {
    const { server, endpoint } = await open();
    let signal: AbortSignal | undefined;
    const entered = new Promise<void>((resolve) => {
      server.routes.add(
        route({
          method: 'POST',
          handle: (request) => {
            signal = request.signal;
            resolve();
            return new Promise(() => undefined);
          },
        }),
      );
    });
    const response = fetch(`${endpoint}/test/v1/it`, { method: 'POST' }).catch(
      (error: unknown) => error,
    );
    await entered;
    await server.close({ graceMs: 20 });
    expect(await response).toBeInstanceOf(Error);
    expect(signal?.aborted).toBe(true);
  });

  it('is not held up by a connection that says nothing', async () => {
    const { server, endpoint } = await open();
    const silent = connect({ port: Number(new URL(endpoint).port), host: '127.0.0.1' });
    await new Promise<void>((resolve) => silent.once('connect', () => resolve()));
    await server.close({ graceMs: 60_000 });
    silent.destroy();
  });

  it('names an address that can be called', async () => {
    const probe = createServer();
    const options = { token, view: {} as HostView, logger: silentLogger, port: 0 };
    await using everywhere = await HttpServer.open({ ...options, host: '0.0.0.0' });
    expect(await everywhere.listen()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const hasIpv6 = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false)).listen(0, '::1', () => resolve(true));
    });
    probe.close();
    if (!hasIpv6) return;
    await using six = await HttpServer.open({ ...options, host: '::1' });
    expect(await six.listen()).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });
});
