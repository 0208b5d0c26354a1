import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callRoute } from '@datawarehouse/sdk/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { services } from '../queue/peer-messages.js';
import { identityOf } from '../testing/test-identities.js';
import { eventually, TestCluster, type TestNode } from '../testing/test-node.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dw-sync-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Nodes whose logs do not reach one another, with a folder between them. */
async function startApart(nodeIds: readonly string[], config = {}): Promise<TestCluster> {
  const cluster = await TestCluster.start(nodeIds, { config: { bundleFolder: folder, ...config } });
  cluster.network.fateOf = ({ service }) => (service === services.apply ? 'lost' : 'delivered');
  return cluster;
}

const sync = (
  node: TestNode,
  targetNodeId: string,
  mode: 'online' | 'offline' | 'airGap' | 'hybrid',
) => node.sync.sync({ targetNodeId, mode });

describe('ReplicationSync over a folder', { timeout: 60_000 }, () => {
  it('exchanges bundles both ways, one file of each node', async () => {
    await using cluster = await startApart(['a', 'b']);
    const [a, b] = [cluster.at(0), cluster.at(1)];
    await a.put('docs', 'of a', 'x');
    await b.put('docs', 'of b', 'y');
    cluster.network.cut('a', 'b');
    expect(await sync(a, 'b', 'offline')).toMatchObject({ success: true, itemsSynced: 0 });
    expect(await sync(b, 'a', 'offline')).toMatchObject({ success: true, itemsSynced: 1 });
    expect(await sync(a, 'b', 'offline')).toMatchObject({ success: true, itemsSynced: 1 });
    expect(await a.text('docs', 'of b')).toBe('y');
    expect(await b.text('docs', 'of a')).toBe('x');
    expect(await readdir(join(folder, 'b'))).toEqual(['a.dwbundle']);
    expect(await readdir(join(folder, 'a'))).toEqual([]);
    // What the other one has said it has is not sent again, and the log need not keep it.
    await sync(b, 'a', 'offline');
    await sync(a, 'b', 'offline');
    expect((await a.replicas())[0]?.lag).toBe(0);
  });

  it('puts what is refused aside, says why, and takes the rest', async () => {
    await using cluster = await startApart(['a', 'b']);
    const [a, b] = [cluster.at(0), cluster.at(1)];
    await a.put('docs', 'k', 'x');
    await sync(a, 'b', 'offline');
    await writeFile(join(folder, 'b', 'a.0.dwbundle'), 'nonsense');
    const events: string[] = [];
    b.sync.onDidSyncEvent(({ type }) => events.push(type));
    expect(await sync(b, 'a', 'offline')).toMatchObject({
      success: false,
      error: { code: 'DW_REPLICATION_BUNDLE_DAMAGED' },
    });
    expect(await b.text('docs', 'k')).toBe('x');
    expect(await readdir(join(folder, 'b'))).toEqual(['a.0.dwbundle.refused']);
    expect(events).toEqual(['syncStarted', 'syncFailed']);
    expect(await sync(b, 'a', 'offline')).toMatchObject({ success: true });
  });

  it('takes only pinned keys over an air gap', async () => {
    await using cluster = await startApart(['a', 'b']);
    const [a, b] = [cluster.at(0), cluster.at(1)];
    await a.put('docs', 'k', 'x');
    await sync(a, 'b', 'airGap');
    expect(await sync(b, 'a', 'airGap')).toMatchObject({
      error: { code: 'DW_REPLICATION_BUNDLE_UNTRUSTED' },
    });
    await cluster.at(1).stop();
    const bundleKeys = { a: identityOf('a').publicKey };
    const pinning = await cluster.again(1, { config: { bundleFolder: folder, bundleKeys } });
    await sync(a, 'b', 'airGap');
    expect(await sync(pinning, 'a', 'airGap')).toMatchObject({ success: true, itemsSynced: 1 });
  });

  it('needs a folder', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    expect(await sync(cluster.at(0), 'b', 'offline')).toMatchObject({
      error: { code: 'DW_REPLICATION_SYNC_FOLDER_NEEDED' },
    });
  });

  it('is hybrid: bundles while the link is lost, the network when it is back', async () => {
    const config = { bundleFolder: folder, syncMode: 'hybrid', bundleIntervalMs: 50 };
    await using cluster = await TestCluster.start(['a', 'b'], {
      config: { ...config, healthIntervalMs: 50 },
    });
    const [a, b] = [cluster.at(0), cluster.at(1)];
    expect(a.sync.currentMode).toBe('hybrid');
    cluster.network.cut('a', 'b');
    await a.put('docs', 'k1', 'x');
    await b.put('docs', 'k2', 'y');
    await eventually('both over the folder', async () => {
      return (await a.text('docs', 'k2')) === 'y' && (await b.text('docs', 'k1')) === 'x';
    });
    const events: string[] = [];
    a.sync.onDidSyncEvent(({ type }) => events.push(type));
    cluster.network.heal();
    await a.put('docs', 'k3', 'z');
    await cluster.settled();
    expect(await b.text('docs', 'k3')).toBe('z');
    await eventually('a comparison over the network', () => events.includes('syncCompleted'));
    expect(await sync(a, 'b', 'hybrid')).toMatchObject({ success: true, itemsSynced: 0 });
  });

  it('ends equal after any order and repetition of bundles and exchanges', async () => {
    const ids = ['a', 'b', 'c'] as const;
    const pair = { from: fc.integer({ min: 0, max: 2 }), step: fc.integer({ min: 1, max: 2 }) };
    const stepArbitrary = fc.oneof(
      fc.record({
        type: fc.constantFrom('put' as const, 'delete' as const),
        ...pair,
        key: fc.constantFrom('k1', 'k2', 'k3'),
      }),
      fc.record({ type: fc.constantFrom('offline' as const, 'online' as const), ...pair }),
      fc.record({ type: fc.constant('export' as const), ...pair }),
      fc.record({ type: fc.constant('import' as const), ...pair, which: fc.nat({ max: 100 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { minLength: 5, maxLength: 30 }), async (steps) => {
        await rm(folder, { recursive: true, force: true });
        await using cluster = await startApart(ids);
        const bundles: { readonly to: number; readonly data: Buffer }[] = [];
        const apply = async ({ to, data }: (typeof bundles)[number]) => {
          await importInto(cluster.at(to), data);
        };
        for (const [turn, step] of steps.entries()) {
          const node = cluster.at(step.from);
          const to = (step.from + step.step) % 3;
          if (step.type === 'put') await node.put('docs', step.key, `value ${turn}`);
          else if (step.type === 'delete') {
            await node.objects.delete('docs', step.key).catch(() => undefined);
          } else if (step.type === 'export') {
            bundles.push({ to, data: await exportFrom(node, ids[to] ?? '') });
          } else if (step.type === 'import') {
            const bundle = bundles[step.which % Math.max(1, bundles.length)];
            if (bundle !== undefined) await apply(bundle);
          } else await sync(node, ids[to] ?? '', step.type);
        }
        for (const bundle of [...bundles, ...bundles].reverse()) await apply(bundle);
        // Two rounds along a line bring everything everywhere.
        for (let round = 0; round < 2; round += 1) {
          for (const [from, to] of [
            [0, 1],
            [1, 2],
            [2, 0],
          ] as const) {
            await importInto(cluster.at(to), await exportFrom(cluster.at(from), ids[to]));
          }
        }
        const states = await Promise.all(cluster.nodes.map(recordsOf));
        expect(states[1]).toEqual(states[0]);
        expect(states[2]).toEqual(states[0]);
      }),
      { numRuns: 15 },
    );
  }, 120_000);
});

describe('SyncControl', { timeout: 60_000 }, () => {
  const call = async (
    node: TestNode,
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ) => {
    const options = body === undefined ? {} : { body };
    return (await callRoute(node.context, method, `/api/v1/sync${path}`, options)).json;
  };

  it('pauses and resumes a node, also over a restart', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const a = cluster.at(0);
    expect(await call(a, 'PUT', '/b/pause')).toMatchObject({ state: 'paused' });
    await a.put('docs', 'k', 'x');
    await a.stop();
    const again = await cluster.again(0);
    expect(await sync(again, 'b', 'online')).toMatchObject({
      error: { code: 'DW_REPLICATION_SYNC_PAUSED' },
    });
    expect(again.sync.status('b').state).toBe('paused');
    expect((await again.replicas())[0]?.lag).toBe(1);
    expect(await cluster.at(1).text('docs', 'k')).toBeUndefined();
    expect(await call(again, 'DELETE', '/b/pause')).toMatchObject({ targetNodeId: 'b' });
    await cluster.settled();
    expect(await cluster.at(1).text('docs', 'k')).toBe('x');
  });

  it('goes back in the log of a node, by sequence and by time, and ends where it was', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const [a, b] = [cluster.at(0), cluster.at(1)];
    for (const key of ['k1', 'k2', 'k3']) await a.put('docs', key, 'x');
    await cluster.settled();
    expect(await call(b, 'POST', '/a/rewind', { sequence: 1 })).toMatchObject({ sequence: 1 });
    await cluster.settled();
    await eventually('the head', async () => (await b.replicas())[0]?.received?.sequence === 3);
    await expect(call(b, 'POST', '/a/rewind', { sequence: 9 })).rejects.toMatchObject({
      code: 'DW_REPLICATION_INVALID_QUERY',
    });
    expect(await call(b, 'POST', '/a/rewind', { timeMs: 0 })).toMatchObject({
      sequence: expect.any(Number),
    });
    await eventually('the head', async () => (await b.replicas())[0]?.received?.sequence === 3);
    expect((await b.objects.list('docs')).objects).toHaveLength(3);
  });

  it('fetches all of a node again, and tells of it', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const [a, b] = [cluster.at(0), cluster.at(1)];
    await a.put('docs', 'k', 'x');
    await cluster.settled();
    const path = 'dw://replication/objects/docs/k';
    await b.medium.delete(path);
    const calls = () =>
      cluster.network.calls.filter(
        ({ service, from }) => service === services.snapshot && from === 'b',
      );
    const before = calls().length;
    expect(await call(b, 'POST', '/a/reseed')).toMatchObject({ success: true, itemsSynced: 1 });
    expect(calls().length).toBe(before + 1);
    expect(await b.text('docs', 'k')).toBe('x');
    expect(await call(b, 'GET', '')).toMatchObject({
      mode: 'online',
      replicas: [{ targetNodeId: 'a', state: 'completed', progress: 100 }],
    });
    await expect(call(b, 'POST', '/stranger/reseed')).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNKNOWN_REPLICA',
    });
  });
});

async function exportFrom(node: TestNode, to: string): Promise<Buffer> {
  const { body } = await callRoute(node.context, 'GET', `/api/v1/bundle?to=${to}`);
  return Buffer.from(body ?? []);
}

async function importInto(node: TestNode, bundle: Buffer): Promise<void> {
  const url = `/api/v1/bundles/${createHash('sha256').update(bundle).digest('hex')}`;
  await callRoute(node.context, 'PUT', `${url}?offset=0`, { body: bundle });
  await callRoute(node.context, 'POST', `${url}/import`, { body: {} });
}

/** The records of a node as they are stored. */
async function recordsOf(node: TestNode): Promise<readonly string[]> {
  const records: string[] = [];
  for await (const { path, data } of node.medium.scan('dw://replication/objects/')) {
    records.push(`${path} ${Buffer.from(data).toString('utf8', 4)}`);
  }
  return records;
}
