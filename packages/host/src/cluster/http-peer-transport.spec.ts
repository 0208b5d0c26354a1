import { connect, createServer, type Server } from 'node:net';
import {
  type INodeIdentity,
  MAX_PEER_MESSAGE_BYTES,
  type PeerHandler,
  peerError,
  silentLogger,
  storeError,
  systemClock,
} from '@datawarehouse/sdk';
import { createTestNodeIdentity, ManualClock, MemoryMessageBus } from '@datawarehouse/sdk/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { HostView } from '../api/host-view.js';
import { HttpServer } from '../api/http-server.js';
import { ScalingRegistry } from '../scaling/scaling-registry.js';
import { Freshness } from './freshness.js';
import { HttpPeerTransport, type PeerAddress } from './http-peer-transport.js';
import { PeerHttpClient } from './peer-http-client.js';
import { newNonce, signPeerRequest } from './peer-signature.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const echo: PeerHandler = async ({ from, body }) => bytes(`${from}:${text(body)}`);

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface TestNode {
  readonly identity: INodeIdentity;
  readonly transport: HttpPeerTransport;
  readonly members: Map<string, PeerAddress>;
  readonly strangers: string[];
  readonly endpoint: string;
}

async function openNode(nodeId: string, clock = systemClock): Promise<TestNode> {
  const identity = createTestNodeIdentity(nodeId);
  const members = new Map<string, PeerAddress>();
  const strangers: string[] = [];
  const client = new PeerHttpClient({ clock: systemClock });
  const transport = new HttpPeerTransport({
    identity,
    client,
    clock,
    freshness: new Freshness(() => clock.now()),
    logger: silentLogger,
    member: (id) => members.get(id),
    onStranger: (id) => strangers.push(id),
  });
  const bus = new MemoryMessageBus();
  const view: HostView = {
    nodeId,
    publicKey: identity.publicKey,
    version: '6.0.0',
    startedAtMs: 0,
    plugins: () => [],
    isReady: () => true,
    scaling: new ScalingRegistry({ bus }),
    membership: {} as HostView['membership'],
    bus,
  };
  const server = await HttpServer.open({
    host: '127.0.0.1',
    port: 0,
    token: 'x'.repeat(16),
    view,
    logger: silentLogger,
    peerRoutes: [transport.route],
  });
  const endpoint = await server.listen();
  cleanUp.push(async () => {
    transport.close();
    await server.close({ graceMs: 0 });
    await client.close();
  });
  return { identity, transport, members, strangers, endpoint };
}

/** Two nodes that know each other. */
async function openPair(clock = systemClock): Promise<{ a: TestNode; b: TestNode }> {
  const a = await openNode('a', clock);
  const b = await openNode('b', clock);
  introduce(a, b);
  introduce(b, a);
  return { a, b };
}

function introduce(to: TestNode, node: TestNode, endpoint = node.endpoint): void {
  to.members.set(node.identity.nodeId, { endpoint, publicKey: node.identity.publicKey });
}

/** Forwards connections, and alters what passes. */
async function openProxy(
  target: string,
  alter: {
    readonly request?: (data: string) => string;
    readonly response?: (data: string) => string;
  },
): Promise<string> {
  const server: Server = createServer((client) => {
    const upstream = connect(Number(new URL(target).port), '127.0.0.1');
    const change = (how?: (data: string) => string) => (data: Buffer) =>
      how ? Buffer.from(how(data.toString('latin1')), 'latin1') : data;
    client.on('data', (data) => upstream.write(change(alter.request)(data)));
    upstream.on('data', (data) => client.write(change(alter.response)(data)));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('close', () => other.destroy());
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(async () => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

/** Sends a request with the headers that a node would sign, changed at will. */
function post(
  from: TestNode,
  to: TestNode,
  change: { readonly headers?: Record<string, string>; readonly body?: string; at?: number } = {},
): Promise<Response> {
  const signed = signPeerRequest(from.identity, {
    url: '/peer/v1/echo',
    audience: to.identity.nodeId,
    timestampMs: change.at ?? Date.now(),
    nonce: newNonce(),
    body: bytes('x'),
  });
  return fetch(`${to.endpoint}/peer/v1/echo`, {
    method: 'POST',
    headers: { ...signed, ...change.headers },
    body: change.body ?? 'x',
  });
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

describe('HttpPeerTransport', () => {
  it('calls a service of a member, in both directions', async () => {
    const { a, b } = await openPair();
    b.transport.handle('echo', echo);
    a.transport.handle('echo', echo);
    expect(text(await a.transport.call('b', 'echo', bytes('ä')))).toBe('a:ä');
    expect(text(await b.transport.call('a', 'echo', bytes('')))).toBe('b:');
  });

  it('answers ping', async () => {
    const { a } = await openPair();
    expect(await a.transport.call('b', 'ping', bytes(''))).toHaveLength(0);
  });

  it('carries messages up to the limit, and none beyond', async () => {
    const { a, b } = await openPair();
    let answerBytes = MAX_PEER_MESSAGE_BYTES;
    b.transport.handle('big', async () => new Uint8Array(answerBytes));
    const largest = new Uint8Array(MAX_PEER_MESSAGE_BYTES);
    expect(await a.transport.call('b', 'big', largest)).toHaveLength(MAX_PEER_MESSAGE_BYTES);
    const tooLarge = new Uint8Array(MAX_PEER_MESSAGE_BYTES + 1);
    await expect(a.transport.call('b', 'big', tooLarge)).rejects.toMatchObject({
      code: 'DW_PEER_TOO_LARGE',
    });
    answerBytes += 1;
    await expect(a.transport.call('b', 'big', bytes('x'))).rejects.toMatchObject({
      code: 'DW_PEER_TOO_LARGE',
    });
  });

  it('passes on what the other side refuses', async () => {
    const { a, b } = await openPair();
    b.transport.handle('full', async () => {
      throw storeError('DW_STORE_FULL', { details: { freeBytes: 7 } });
    });
    await expect(a.transport.call('b', 'full', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_REFUSED',
      retryable: true,
      hint: expect.stringContaining('space'),
      details: {
        nodeId: 'b',
        remote: { code: 'DW_STORE_FULL', category: 'exhausted', details: { freeBytes: 7 } },
      },
    });
  });

  it('does not confuse a code of a handler with one of its own', async () => {
    const { a, b } = await openPair();
    b.transport.handle('relay', async () => {
      throw peerError('DW_PEER_UNKNOWN_SERVICE');
    });
    await expect(a.transport.call('b', 'relay', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_REFUSED',
    });
    await expect(a.transport.call('b', 'none', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_UNKNOWN_SERVICE',
    });
  });

  it('tells nothing of an unexpected error', async () => {
    const { a, b } = await openPair();
    b.transport.handle('bug', async () => {
      throw new Error('secret path');
    });
    const error: unknown = await a.transport.call('b', 'bug', bytes('')).catch((e: unknown) => e);
    expect(error).toMatchObject({ details: { remote: { code: 'DW_CLUSTER_INTERNAL' } } });
    expect(JSON.stringify(error)).not.toContain('secret path');
  });

  it('refuses strangers on both sides, and says when it is one itself', async () => {
    const { a, b } = await openPair();
    await expect(a.transport.call('c', 'ping', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_UNKNOWN',
    });
    b.members.delete('a');
    await expect(a.transport.call('b', 'ping', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_REFUSED',
      details: { remote: { code: 'DW_PEER_UNKNOWN' } },
    });
    expect(a.strangers).toEqual(['b']);
  });

  it('says that a node cannot be reached, or does not answer in time', async () => {
    const { a, b } = await openPair();
    introduce(a, b, 'http://127.0.0.1:9');
    await expect(a.transport.call('b', 'ping', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_UNREACHABLE',
      retryable: true,
    });
    introduce(a, b);
    let handlerSignal: AbortSignal | undefined;
    b.transport.handle('hang', ({ signal }) => {
      handlerSignal = signal;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    });
    await expect(a.transport.call('b', 'hang', bytes(''), { timeoutMs: 50 })).rejects.toMatchObject(
      { code: 'DW_PEER_TIMEOUT', retryable: true },
    );
    await expect.poll(() => handlerSignal?.aborted).toBe(true);
  });

  it('rejects with the reason of the signal', async () => {
    const { a, b } = await openPair();
    const abort = new AbortController();
    b.transport.handle('hang', () => {
      abort.abort(new Error('enough'));
      return new Promise(() => undefined);
    });
    const { signal } = abort;
    await expect(a.transport.call('b', 'hang', bytes(''), { signal })).rejects.toThrow('enough');
    await expect(a.transport.call('b', 'ping', bytes(''), { signal })).rejects.toThrow('enough');
  });

  it('takes one handler a service until it is disposed', async () => {
    const { a, b } = await openPair();
    const registration = b.transport.handle('echo', echo);
    expect(() => b.transport.handle('echo', echo)).toThrow(TypeError);
    expect(() => b.transport.handle('hello', echo)).toThrow(TypeError);
    registration[Symbol.dispose]();
    await expect(a.transport.call('b', 'echo', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_UNKNOWN_SERVICE',
    });
  });
});

describe('a request between nodes', () => {
  it('is taken once', async () => {
    const { a, b } = await openPair();
    b.transport.handle('echo', echo);
    const headers = signPeerRequest(a.identity, {
      url: '/peer/v1/echo',
      audience: 'b',
      timestampMs: Date.now(),
      nonce: newNonce(),
      body: bytes('x'),
    });
    expect((await post(a, b, { headers })).status).toBe(200);
    const again = await post(a, b, { headers });
    expect(again.status).toBe(401);
    expect(await codeOf(again)).toBe('DW_PEER_REPLAYED');
  });

  it('is refused when its body was altered', async () => {
    const { a, b } = await openPair();
    b.transport.handle('echo', echo);
    expect(await codeOf(await post(a, b, { body: 'y' }))).toBe('DW_PEER_UNAUTHENTICATED');
  });

  it('is refused when it was altered on the way', async () => {
    const { a, b } = await openPair();
    const seen: string[] = [];
    b.transport.handle('pay', async ({ body }) => {
      seen.push(text(body));
      return new Uint8Array();
    });
    const proxy = await openProxy(b.endpoint, {
      request: (data) => data.replace('"amount":10', '"amount":99'),
    });
    introduce(a, b, proxy);
    await expect(a.transport.call('b', 'pay', bytes('{"amount":10}'))).rejects.toMatchObject({
      code: 'DW_PEER_REFUSED',
      details: { remote: { code: 'DW_PEER_UNAUTHENTICATED' } },
    });
    expect(seen).toEqual([]);
  });

  it('is refused by a node that it is not meant for', async () => {
    const { a, b } = await openPair();
    const c = await openNode('c');
    introduce(c, a);
    const signed = signPeerRequest(a.identity, {
      url: '/peer/v1/echo',
      audience: 'b',
      timestampMs: Date.now(),
      nonce: newNonce(),
      body: bytes('x'),
    });
    expect(await codeOf(await post(a, c, { headers: signed }))).toBe('DW_PEER_UNAUTHENTICATED');
    expect(await codeOf(await post(a, b, { headers: { 'dw-audience': 'c' } }))).toBe(
      'DW_PEER_UNAUTHENTICATED',
    );
  });

  it.each([-301_000, 301_000])('is refused when it is %i ms from now', async (skewMs) => {
    const { a, b } = await openPair();
    const response = await post(a, b, { at: Date.now() + skewMs });
    expect(await codeOf(response)).toBe('DW_PEER_CLOCK_SKEW');
  });

  it('is refused while the clocks stand further apart than allowed', async () => {
    const clock = new ManualClock({ startMs: Date.now() });
    const a = await openNode('a', clock);
    const b = await openNode('b');
    introduce(a, b);
    introduce(b, a);
    clock.advance(10 * 60_000);
    await expect(a.transport.call('b', 'ping', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_REFUSED',
      retryable: true,
      details: { remote: { code: 'DW_PEER_CLOCK_SKEW' } },
    });
  });

  it('is refused when it was signed before the node started', async () => {
    const { a, b } = await openPair();
    const response = await post(a, b, { at: Date.now() - 60_000 });
    expect(await codeOf(response)).toBe('DW_PEER_CLOCK_SKEW');
  });

  it('is refused with another key, another path, or without its headers', async () => {
    const { a, b } = await openPair();
    const impostor = await openNode('a');
    expect(await codeOf(await post(impostor, b))).toBe('DW_PEER_UNAUTHENTICATED');
    const elsewhere = signPeerRequest(a.identity, {
      url: '/peer/v1/other',
      audience: 'b',
      timestampMs: Date.now(),
      nonce: newNonce(),
      body: bytes('x'),
    });
    expect(await codeOf(await post(a, b, { headers: elsewhere }))).toBe('DW_PEER_UNAUTHENTICATED');
    const bare = await fetch(`${b.endpoint}/peer/v1/echo`, { method: 'POST', body: 'x' });
    expect(bare.status).toBe(401);
    expect(await codeOf(bare)).toBe('DW_PEER_UNAUTHENTICATED');
  });
});

describe('an answer between nodes', () => {
  it.each<[string, (data: string) => string]>([
    ['body', (data) => data.replace('b-says', 'm-says')],
    ['status', (data) => data.replace('HTTP/1.1 200 OK', 'HTTP/1.1 202 OK')],
    [
      'signature',
      (data) =>
        data.replace(
          /(dw-signature: )(.)/,
          (_all, name, first) => `${name}${first === 'A' ? 'B' : 'A'}`,
        ),
    ],
  ])('is refused when its %s was altered on the way', async (_, response) => {
    const { a, b } = await openPair();
    b.transport.handle('ask', async () => bytes('b-says'));
    introduce(a, b, await openProxy(b.endpoint, { response }));
    await expect(a.transport.call('b', 'ask', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_BAD_RESPONSE',
      retryable: true,
    });
  });

  it('is refused when it belongs to another request', async () => {
    const { a, b } = await openPair();
    let count = 0;
    b.transport.handle('count', async () => bytes(`n=${(count += 1)}`));
    let first: string | undefined;
    const response = (data: string): string => (first ??= data);
    introduce(a, b, await openProxy(b.endpoint, { response }));
    expect(text(await a.transport.call('b', 'count', bytes('')))).toBe('n=1');
    await expect(a.transport.call('b', 'count', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_BAD_RESPONSE',
    });
  });

  it('of a server that is no node is refused', async () => {
    const { a, b } = await openPair();
    introduce(a, b, await openProxy(b.endpoint, { response: () => 'SSH-2.0-OpenSSH_9.2\r\n' }));
    await expect(a.transport.call('b', 'ping', bytes(''))).rejects.toMatchObject({
      code: 'DW_PEER_BAD_RESPONSE',
    });
  });
});
