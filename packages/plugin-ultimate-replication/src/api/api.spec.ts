import { callRoute } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { StrategyRegistry } from '../strategies/strategy-registry.js';
import { TestCluster } from '../testing/test-node.js';

const nameOf = (namespace: string, key: string) =>
  `/api/v1/objects/${encodeURIComponent(namespace)}/${encodeURIComponent(key)}`;

async function start() {
  const cluster = await TestCluster.start(['a', 'b']);
  const { context } = cluster.at(0);
  const call = (...args: [Parameters<typeof callRoute>[1], string, object?]) =>
    callRoute(context, ...args);
  return { cluster, call, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

describe('the HTTP routes of objects', { timeout: 30_000 }, () => {
  it('store, read, describe and remove an object', async () => {
    await using started = await start();
    const { call } = started;
    const url = nameOf('critical/eu', 'a/b ü');
    const put = await call('PUT', url, {
      body: 'hello',
      headers: { 'content-type': 'text/plain' },
    });
    expect(put.json).toEqual({
      namespace: 'critical/eu',
      key: 'a/b ü',
      version: expect.stringMatching(/^\d+\.0@a$/),
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      sizeBytes: 5,
      strategy: 'asynchronous',
      confirmedBy: [],
    });
    const { digest, version } = put.json as Record<string, string>;
    const got = await call('GET', url);
    expect(Buffer.from(got.body ?? []).toString()).toBe('hello');
    expect(got.headers).toMatchObject({
      'content-type': 'text/plain',
      'content-length': '5',
      etag: `"${digest}"`,
      'dw-version': version,
    });
    const head = await call('HEAD', url);
    expect(head).toMatchObject({ headers: got.headers, body: undefined });
    expect(head.headers['content-length']).toBe('5');
    expect((await call('DELETE', url)).json).toMatchObject({ key: 'a/b ü', confirmedBy: [] });
    await expect(call('GET', url)).rejects.toMatchObject({ code: 'DW_REPLICATION_NOT_FOUND' });
  });

  it('honour ranges and entity tags', async () => {
    await using started = await start();
    const { call } = started;
    const url = nameOf('n', 'k');
    await call('PUT', url, { body: '0123456789' });
    const part = await call('GET', url, { headers: { range: 'bytes=2-4' } });
    expect(part.status).toBe(206);
    expect(Buffer.from(part.body ?? []).toString()).toBe('234');
    expect(part.headers).toMatchObject({
      'content-range': 'bytes 2-4/10',
      'content-length': '3',
    });
    const beyond = await call('GET', url, { headers: { range: 'bytes=10-' } });
    expect(beyond).toMatchObject({
      status: 416,
      headers: { 'content-range': 'bytes */10' },
      json: { error: { code: 'DW_REPLICATION_RANGE_NOT_SATISFIABLE' } },
    });
    const etag = part.headers.etag ?? '';
    const same = await call('GET', url, { headers: { 'if-none-match': etag } });
    expect(same.status).toBe(304);
    const other = { range: 'bytes=2-4', 'if-range': '"other"' };
    expect((await call('GET', url, { headers: other })).status).toBe(200);
  });

  it('list objects and namespaces page by page', async () => {
    await using started = await start();
    const { call } = started;
    for (const key of ['a', 'b', 'c']) await call('PUT', nameOf('n', key), { body: key });
    const first = (await call('GET', '/api/v1/objects/n?limit=2')).json;
    expect(first).toMatchObject({ namespace: 'n', objects: [{ key: 'a' }, { key: 'b' }] });
    expect((first as { next: string }).next).toBe('b');
    const second = (await call('GET', '/api/v1/objects/n?limit=2&after=b')).json;
    expect(second).toEqual({ namespace: 'n', objects: [expect.objectContaining({ key: 'c' })] });
    const some = (await call('GET', '/api/v1/objects/n?prefix=c')).json;
    expect(some).toMatchObject({ objects: [{ key: 'c' }] });
    expect((await call('GET', '/api/v1/namespaces')).json).toEqual({ namespaces: ['n'] });
    for (const limit of ['0', '1001', 'x', '1.5']) {
      await expect(call('GET', `/api/v1/objects/n?limit=${limit}`)).rejects.toMatchObject({
        code: 'DW_REPLICATION_INVALID_QUERY',
      });
    }
  });
});

describe('the HTTP routes of the routing table', { timeout: 30_000 }, () => {
  it('show, set, order, explain and remove routes', async () => {
    await using started = await start();
    const { call } = started;
    const url = '/api/v1/routes';
    await call('PUT', url, { body: { pattern: 'critical/**', strategy: 'synchronous' } });
    await call('PUT', url, { body: { pattern: '*', strategy: 'local-only', position: 0 } });
    const set = await call('PUT', `${url}/default`, { body: { strategy: 'local-only' } });
    expect(set.json).toMatchObject({
      defaultStrategy: 'local-only',
      routes: [
        { pattern: '*', strategy: 'local-only' },
        { pattern: 'critical/**', strategy: 'synchronous' },
      ],
    });
    const names = (set.json as { strategies: { name: string }[] }).strategies;
    const own = new StrategyRegistry().list().map(({ name }) => name);
    expect(names.map(({ name }) => name)).toEqual(own);
    const explain = async (namespace: string) =>
      (await call('GET', `${url}/explain?namespace=${encodeURIComponent(namespace)}&key=k`)).json;
    expect(await explain('critical/eu')).toMatchObject({
      strategy: 'synchronous',
      decidedBy: { pattern: 'critical/**', kind: 'namespace', position: 1 },
    });
    expect(await explain('a/b')).toMatchObject({ decidedBy: { kind: 'default' } });
    const removed = await call('DELETE', `${url}?pattern=${encodeURIComponent('critical/**')}`);
    expect((await call('GET', url)).json).toEqual(removed.json);
    await expect(call('DELETE', url)).rejects.toMatchObject({
      code: 'DW_REPLICATION_INVALID_QUERY',
    });
    await expect(
      call('PUT', url, { body: { pattern: 'x', strategy: 'none' } }),
    ).rejects.toMatchObject({ code: 'DW_REPLICATION_UNKNOWN_STRATEGY' });
  });
});

describe('the HTTP route of replicas', { timeout: 30_000 }, () => {
  it('shows who answers and how far they are', async () => {
    await using started = await start();
    const { cluster, call } = started;
    await cluster.at(0).put('docs', 'k', 'x');
    await cluster.at(1).put('docs', 'k', 'y');
    await cluster.settled();
    const { json } = await call('GET', '/api/v1/replicas');
    expect(json).toMatchObject({
      nodeId: 'a',
      log: { head: 1, epoch: expect.any(String) },
      replicas: [
        {
          nodeId: 'b',
          endpoint: 'http://b',
          active: true,
          lag: 0,
          lagBytes: 0,
          lagSeconds: 0,
          consecutiveFailures: 0,
          position: { sequence: 1 },
          received: { sequence: 1 },
          resynchronising: false,
        },
      ],
    });
  });
});
