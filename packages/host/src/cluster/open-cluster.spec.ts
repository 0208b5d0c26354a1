import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type INodeIdentity,
  type MembershipChange,
  membershipChangedTopic,
  silentLogger,
  storePath,
} from '@datawarehouse/sdk';
import {
  createTestNodeIdentity,
  MemoryBackingStore,
  MemoryMessageBus,
} from '@datawarehouse/sdk/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { HostView } from '../api/host-view.js';
import { HttpServer } from '../api/http-server.js';
import { ScalingRegistry } from '../scaling/scaling-registry.js';
import { sealHello } from './hello-message.js';
import { type Cluster, openCluster } from './open-cluster.js';
import { newNonce } from './peer-signature.js';

const secret = 'a secret of at least thirty-two characters';
const empty = new Uint8Array();

interface TestNodeOptions {
  readonly nodeId: string;
  readonly identity?: INodeIdentity;
  readonly store?: MemoryBackingStore;
  readonly secret?: string | undefined;
  readonly peers?: readonly string[];
  readonly port?: number;
}

/** A node with a server of its own, and the changes that its bus told. */
class TestNode implements AsyncDisposable {
  static readonly running = new Set<TestNode>();
  readonly identity: INodeIdentity;
  readonly store: MemoryBackingStore;
  readonly bus = new MemoryMessageBus();
  readonly changes: MembershipChange[] = [];
  cluster!: Cluster;
  endpoint = '';
  #server: HttpServer | undefined;

  private constructor(options: TestNodeOptions) {
    this.identity = options.identity ?? createTestNodeIdentity(options.nodeId);
    this.store = options.store ?? new MemoryBackingStore();
    this.bus.subscribe(membershipChangedTopic, ({ data }) => void this.changes.push(data));
  }

  static async open(options: TestNodeOptions): Promise<TestNode> {
    const node = new TestNode(options);
    const { identity, store, bus } = node;
    node.cluster = await openCluster({
      identity,
      store,
      bus,
      secret: 'secret' in options ? options.secret : secret,
      peers: options.peers ?? [],
      endpoint: () => node.endpoint,
      logger: silentLogger,
    });
    const view: HostView = {
      nodeId: identity.nodeId,
      publicKey: identity.publicKey,
      version: '6.0.0',
      startedAtMs: 0,
      plugins: () => [],
      isReady: () => true,
      scaling: new ScalingRegistry({ bus }),
      membership: node.cluster.membership,
      bus,
    };
    node.#server = await HttpServer.open({
      host: '127.0.0.1',
      port: options.port ?? 0,
      token: 'x'.repeat(16),
      view,
      logger: silentLogger,
      peerRoutes: node.cluster.httpRoutes,
    });
    node.endpoint = await node.#server.listen();
    node.cluster.start();
    TestNode.running.add(node);
    return node;
  }

  get memberIds(): readonly string[] {
    return this.cluster.membership.members().map(({ nodeId }) => nodeId);
  }

  get told(): readonly string[] {
    return this.changes.map(({ action, nodeId }) => `${action} ${nodeId}`);
  }

  async close(announceLeave = false): Promise<void> {
    TestNode.running.delete(this);
    await this.cluster.close({ announceLeave });
    await this.#server?.close({ graceMs: 0 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

afterEach(async () => {
  for (const node of TestNode.running) await node.close();
});

/** Sends a hello as a node that knows the secret would. */
function sayHello(to: TestNode, identity: INodeIdentity, change: Record<string, unknown> = {}) {
  const hello = {
    version: 1 as const,
    nodeId: identity.nodeId,
    publicKey: identity.publicKey,
    endpoint: 'http://127.0.0.1:9',
    timestampMs: Date.now(),
    nonce: newNonce(),
    isExplicit: false,
    ...change,
  };
  return post(to, sealHello(hello, identity, secret));
}

function post(to: TestNode, body: Uint8Array): Promise<Response> {
  return fetch(`${to.endpoint}/peer/v1/hello`, { method: 'POST', body });
}

async function codeOf(response: Response | Promise<Response>): Promise<string> {
  return ((await (await response).json()) as { error: { code: string } }).error.code;
}

describe('openCluster', () => {
  it('lets two nodes meet, and call each other', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    const member = await a.cluster.membership.join(b.endpoint);
    expect(member).toMatchObject({
      nodeId: 'b',
      endpoint: b.endpoint,
      publicKey: b.identity.publicKey,
    });
    expect(a.cluster.membership.member('b')).toEqual(member);
    expect(b.memberIds).toEqual(['a']);
    await a.cluster.transport.call('b', 'ping', empty);
    await b.cluster.transport.call('a', 'ping', empty);
    await expect.poll(() => [a.told, b.told]).toEqual([['joined b'], ['joined a']]);
  });

  it('introduces a node to the nodes that the met one knows', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    const c = await TestNode.open({ nodeId: 'c' });
    await a.cluster.membership.join(b.endpoint);
    await c.cluster.membership.join(b.endpoint);
    await expect
      .poll(() => [a.memberIds, b.memberIds, c.memberIds])
      .toEqual([
        ['b', 'c'],
        ['a', 'c'],
        ['a', 'b'],
      ]);
    await a.cluster.transport.call('c', 'ping', empty);
    await c.cluster.transport.call('a', 'ping', empty);
    await expect.poll(() => c.told.toSorted()).toEqual(['joined a', 'joined b']);
  });

  it('meets configured peers in the background, also one that starts later', async () => {
    const late = createServer();
    await new Promise<void>((resolve) => late.listen(0, '127.0.0.1', resolve));
    const { port } = late.address() as AddressInfo;
    await new Promise((resolve) => late.close(resolve));
    const a = await TestNode.open({ nodeId: 'a', peers: [`http://127.0.0.1:${port}`] });
    expect(a.memberIds).toEqual([]);
    const b = await TestNode.open({ nodeId: 'b', port });
    await expect.poll(() => [a.memberIds, b.memberIds], { timeout: 5_000 }).toEqual([['b'], ['a']]);
  });

  it('does not count a node as its own peer', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    await expect(a.cluster.membership.join(a.endpoint)).rejects.toMatchObject({
      code: 'DW_CLUSTER_SELF',
    });
    expect(a.memberIds).toEqual([]);
  });

  it('meets the same node again without a word', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    await a.cluster.membership.join(b.endpoint);
    await b.cluster.membership.join(a.endpoint);
    await a.cluster.membership.join(b.endpoint);
    await a.cluster.membership.remove('b');
    await expect.poll(() => [a.told, b.told]).toEqual([['joined b', 'removed b'], ['joined a']]);
  });

  it('refuses a node with another secret, on both sides', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b', secret: `${secret}!` });
    await expect(a.cluster.membership.join(b.endpoint)).rejects.toMatchObject({
      code: 'DW_PEER_UNAUTHENTICATED',
    });
    expect([a.memberIds, b.memberIds]).toEqual([[], []]);
  });

  it('stands alone without a secret', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const alone = await TestNode.open({ nodeId: 'alone', secret: undefined, peers: [a.endpoint] });
    await expect(alone.cluster.membership.join(a.endpoint)).rejects.toMatchObject({
      code: 'DW_CLUSTER_NO_SECRET',
    });
    await expect(a.cluster.membership.join(alone.endpoint)).rejects.toMatchObject({
      code: 'DW_PEER_REFUSED',
      details: { remote: { code: 'DW_CLUSTER_NO_SECRET' } },
    });
    expect([a.memberIds, alone.memberIds]).toEqual([[], []]);
  });

  it('says what is wrong with an address', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const { membership } = a.cluster;
    await expect(membership.join('b:7080')).rejects.toMatchObject({
      code: 'DW_CLUSTER_BAD_ENDPOINT',
    });
    await expect(membership.join('http://127.0.0.1:9')).rejects.toMatchObject({
      code: 'DW_PEER_UNREACHABLE',
    });
    const other = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(membership.join(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'DW_PEER_BAD_RESPONSE',
    });
    other.close();
  });
});

describe('a hello', () => {
  it('is taken once, and only now', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = createTestNodeIdentity('b');
    const nonce = newNonce();
    const timestampMs = Date.now();
    expect((await sayHello(a, b, { nonce, timestampMs })).status).toBe(200);
    expect(await codeOf(sayHello(a, b, { nonce, timestampMs }))).toBe('DW_PEER_REPLAYED');
    expect(await codeOf(sayHello(a, b, { timestampMs: timestampMs + 301_000 }))).toBe(
      'DW_PEER_CLOCK_SKEW',
    );
    expect(await codeOf(sayHello(a, b, { timestampMs: timestampMs - 60_000 }))).toBe(
      'DW_PEER_CLOCK_SKEW',
    );
  });

  it('is refused from another key under a known or the own id', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    await sayHello(a, createTestNodeIdentity('b'));
    const { publicKey } = a.cluster.membership.member('b') ?? {};
    expect(await codeOf(sayHello(a, createTestNodeIdentity('b')))).toBe(
      'DW_PEER_IDENTITY_MISMATCH',
    );
    expect(await codeOf(sayHello(a, createTestNodeIdentity('a')))).toBe(
      'DW_PEER_IDENTITY_MISMATCH',
    );
    expect(a.cluster.membership.member('b')?.publicKey).toBe(publicKey);
    expect(a.memberIds).toEqual(['b']);
  });

  it('is refused when it shows a key that its sender does not have', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const { publicKey } = createTestNodeIdentity('b');
    expect(await codeOf(sayHello(a, createTestNodeIdentity('b'), { publicKey }))).toBe(
      'DW_PEER_UNAUTHENTICATED',
    );
  });

  it('is refused when it is meant for another node, altered or malformed', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = createTestNodeIdentity('b');
    expect(await codeOf(sayHello(a, b, { audience: 'c' }))).toBe('DW_PEER_IDENTITY_MISMATCH');
    expect(await codeOf(sayHello(a, b, { endpoint: 'file:///etc' }))).toBe(
      'DW_CLUSTER_BAD_ENDPOINT',
    );
    expect(await codeOf(post(a, Buffer.from('{')))).toBe('DW_PEER_UNAUTHENTICATED');
    expect(await codeOf(post(a, Buffer.alloc(20_000)))).toBe('DW_PEER_TOO_LARGE');
    expect(a.memberIds).toEqual([]);
  });
});

describe('a member', () => {
  it('is known again after a restart, told at the start, and met at its new address', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    await a.cluster.membership.join(b.endpoint);
    const { identity, store } = b;
    const joinedAtMs = b.cluster.membership.member('a')?.joinedAtMs;
    await b.close();
    const again = await TestNode.open({ nodeId: 'b', identity, store });
    expect(again.cluster.membership.member('a')?.joinedAtMs).toBe(joinedAtMs);
    await expect.poll(() => again.told).toEqual(['joined a']);
    await expect.poll(() => a.cluster.membership.member('b')?.endpoint).toBe(again.endpoint);
    await a.cluster.transport.call('b', 'ping', empty);
    await expect.poll(() => a.told).toEqual(['joined b', 'joined b']);
  });

  it('says goodbye when it is told to, stays a member, and comes back', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    await a.cluster.membership.join(b.endpoint);
    await b.close(true);
    await expect.poll(() => a.told).toEqual(['joined b', 'left b']);
    expect(a.memberIds).toEqual(['b']);
    const { identity, store } = b;
    await TestNode.open({ nodeId: 'b', identity, store, port: Number(new URL(b.endpoint).port) });
    await expect.poll(() => a.told).toEqual(['joined b', 'left b', 'joined b']);
  });

  it('that was removed stays away, until an operator joins it again', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    const c = await TestNode.open({ nodeId: 'c' });
    await a.cluster.membership.join(b.endpoint);
    await c.cluster.membership.join(b.endpoint);
    await expect.poll(() => a.memberIds).toEqual(['b', 'c']);
    expect(await a.cluster.membership.remove('c')).toBe(true);
    expect(await a.cluster.membership.remove('c')).toBe(false);
    await expect(c.cluster.transport.call('a', 'ping', empty)).rejects.toMatchObject({
      details: { remote: { code: 'DW_PEER_UNKNOWN' } },
    });
    // Neither its own hello nor what others say brings it back.
    expect(await codeOf(sayHello(a, c.identity))).toBe('DW_CLUSTER_REMOVED');
    await a.cluster.membership.join(b.endpoint);
    expect(a.memberIds).toEqual(['b']);
    expect(await a.store.exists(storePath('internal', 'cluster', 'members', 'c'))).toBe(false);
    await c.cluster.membership.join(a.endpoint);
    expect(a.memberIds).toEqual(['b', 'c']);
    await c.cluster.transport.call('a', 'ping', empty);
  });

  it('that forgot this node meets it again when it is called', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    await a.cluster.membership.join(b.endpoint);
    const { identity, endpoint } = b;
    await b.close();
    const port = Number(new URL(endpoint).port);
    const forgetful = await TestNode.open({ nodeId: 'b', identity, port });
    await expect(a.cluster.transport.call('b', 'ping', empty)).rejects.toMatchObject({
      code: 'DW_PEER_REFUSED',
    });
    await expect.poll(() => forgetful.memberIds).toEqual(['a']);
    await a.cluster.transport.call('b', 'ping', empty);
  });

  it('whose address now belongs to another node is not confused with it', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    await a.cluster.membership.join(b.endpoint);
    await b.close();
    await TestNode.open({ nodeId: 'c', port: Number(new URL(b.endpoint).port) });
    await expect(a.cluster.transport.call('b', 'ping', empty)).rejects.toMatchObject({
      code: 'DW_PEER_BAD_RESPONSE',
    });
  });
});

describe('a closed cluster', () => {
  it('refuses to call, and closes once', async () => {
    const a = await TestNode.open({ nodeId: 'a' });
    const b = await TestNode.open({ nodeId: 'b' });
    await a.cluster.membership.join(b.endpoint);
    await a.close();
    await a.close();
    await expect(a.cluster.transport.call('b', 'ping', empty)).rejects.toMatchObject({
      code: 'DW_CLUSTER_CLOSED',
    });
    await expect(a.cluster.membership.join(b.endpoint)).rejects.toMatchObject({
      code: 'DW_CLUSTER_CLOSED',
    });
  });
});
