import { standardMetricKeys } from '@datawarehouse/sdk';
import { callRoute, scalableSubsystemConformance } from '@datawarehouse/sdk/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { services } from '../queue/peer-messages.js';
import { eventually, TestCluster } from '../testing/test-node.js';

describe('ReplicationScalingManager', { timeout: 30_000 }, () => {
  describe('as a scalable subsystem', () => {
    const clusters: TestCluster[] = [];
    afterEach(async () => {
      await Promise.all(clusters.splice(0).map((cluster) => cluster[Symbol.asyncDispose]()));
    });
    scalableSubsystemConformance({
      test: it,
      open: async () => {
        const cluster = await TestCluster.start(['a', 'b']);
        clusters.push(cluster);
        return cluster.at(0).scaling;
      },
    });
  });

  it('reports every key, each number with a description', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const { scaling } = cluster.at(0);
    const keys = Object.keys(scaling.getScalingMetrics());
    const described = new Set(scaling.metricDescriptors?.map(({ key }) => key));
    for (const key of standardMetricKeys) expect(keys).toContain(key);
    for (const name of [
      ...['replicaCount', 'activeReplicaCount', 'walSize', 'walBytes', 'walWrites', 'walReads'],
      ...['totalReplicatedEvents', 'conflictsDetected', 'conflictsResolved', 'conflictRate'],
      ...['streamingComparisons', 'shortCircuitedComparisons', 'strategyRouteCount'],
      ...['defaultStrategy', 'replica.b.lag', 'replica.b.lagSeconds', 'replica.b.active'],
      'replica.b.consecutiveFailures',
    ]) {
      expect(keys).toContain(`replication.${name}`);
    }
    // A text has no description: it is no number to plot.
    const text = 'replication.defaultStrategy';
    for (const key of keys.filter((one) => one.startsWith('replication.') && one !== text)) {
      expect(described).toContain(key.replace('replica.b.', 'replica.<replica>.'));
    }
  });

  it('tells the truth about the log, replicas and routes', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    await cluster.at(2).kill();
    for (let index = 0; index < 7; index += 1) await cluster.at(0).put('docs', `k${index}`, 'x');
    await cluster.settled();
    await eventually('c to be inactive', () => cluster.at(0).metric('activeReplicaCount') === 1);
    const { scaling } = cluster.at(0);
    await scaling.reconfigureLimitsAsync(
      {},
      { settings: { routes: [{ pattern: 'x', strategy: 'local-only' }] } },
    );
    const metrics = scaling.getScalingMetrics();
    expect(metrics).toMatchObject({
      'replication.replicaCount': 2,
      'replication.activeReplicaCount': 1,
      'replication.walSize': 7,
      'replication.walWrites': 7,
      'replication.totalReplicatedEvents': 7,
      'replication.replica.b.lag': 0,
      'replication.replica.c.lag': 7,
      'replication.replica.c.active': false,
      'replication.strategyRouteCount': 1,
      'replication.defaultStrategy': 'asynchronous',
    });
    expect(metrics['replication.replica.c.lagSeconds']).toBeGreaterThan(0);
    expect(scaling.getScalingMetrics()['replication.replica.nobody.lag']).toBeUndefined();
    expect(cluster.at(1).metric('remoteEventsApplied')).toBe(7);
    await cluster.again(2);
    await cluster.settled();
    await eventually('the log to fall', () => cluster.at(0).metric('walSize') === 0);
  });

  it('counts again what it says about log, memo, queue and dead letters', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    const node = cluster.at(0);
    await cluster.at(2).kill();
    await eventually('c to be inactive', () => node.metric('replica.c.active') === false);
    const names = Array.from({ length: 5 }, (_, index) => `k${index}`);
    for (const name of [...names, ...names]) await node.put('docs', name, 'x');
    await eventually('b to have it', () => node.metric('replica.b.lag') === 0);
    const { log } = (await callRoute(node.context, 'GET', '/api/v1/replicas')).json as {
      readonly log: { readonly head: number; readonly heldBytes: number };
    };
    let frameBytes = 0;
    for await (const { path, data } of node.medium.scan('dw://replication/wal/')) {
      if (/\/\d{20}$/.test(path)) frameBytes += data.byteLength;
    }
    expect(frameBytes).toBeGreaterThan(0);
    const metrics = node.scaling.getScalingMetrics();
    expect(metrics).toMatchObject({
      'replication.walSize': 10,
      'replication.walWrites': log.head,
      'replication.walBytes': frameBytes,
      'replication.replica.b.lagBytes': 0,
      'replication.replica.c.lag': 10,
      'replication.replica.c.lagBytes': frameBytes,
      'replication.deadLettersHeld': 0,
      'replication.refusedMessages': 0,
      'cache.size': 5,
      'cache.hitRate': 0.5,
      'backpressure.queueDepth': 0,
      'backpressure.state': 'normal',
    });
    expect(metrics['replication.walReads']).toBeGreaterThanOrEqual(10);
    expect(metrics['replication.replica.c.consecutiveFailures']).toBeGreaterThanOrEqual(3);
    cluster.network.delayOf = async ({ service }) => {
      if (service === services.apply) await new Promise(() => undefined);
    };
    await Promise.all(names.map((name) => node.put('docs', name, 'y')));
    expect(node.scaling.getScalingMetrics()).toMatchObject({
      'backpressure.queueDepth': 5,
      'replication.replica.b.lag': 5,
      'cache.size': 5,
    });
    cluster.network.cut('a', 'b');
    await eventually('b to be inactive', () => node.metric('replica.b.active') === false);
    expect(node.scaling.getScalingMetrics()['backpressure.queueDepth']).toBe(0);
  });

  it('changes memo, log, queue and batches at once', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    const node = cluster.at(0);
    const { scaling } = node;
    await cluster.at(2).kill();
    await eventually('c to be inactive', () => node.metric('replica.c.active') === false);
    for (let index = 0; index < 40; index += 1) await node.put('docs', `k${index}`, 'x');
    expect(scaling.getScalingMetrics()['cache.size']).toBe(40);
    const heldBytes = Number(node.metric('walBytes'));
    await scaling.reconfigureLimitsAsync(
      { maxCacheEntries: 10, maxQueueDepth: 1, maxMemoryBytes: 131_072 },
      { settings: { maxLogBytes: Math.floor(heldBytes / 2) } },
    );
    expect(scaling.getScalingMetrics()['cache.size']).toBeLessThanOrEqual(10);
    await node.put('docs', 'one more', 'x');
    await eventually('the log to shrink', () => Number(node.metric('walBytes')) <= heldBytes / 2);
    cluster.network.delayOf = async ({ service }) => {
      if (service === services.apply) await new Promise(() => undefined);
    };
    await eventually('b to have it', () => node.metric('replica.b.lag') === 0);
    await node.put('docs', 'held', 'x');
    let isDone = false;
    const waiting = node.put('docs', 'waits', 'x').then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    await scaling.reconfigureLimitsAsync({ maxQueueDepth: 10 });
    await waiting;
  });

  it('counts conflicts over remote events applied', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    cluster.network.cut('a', 'b');
    await cluster.at(0).put('docs', 'same', 'x');
    await cluster.at(1).put('docs', 'same', 'x');
    await cluster.at(0).put('docs', 'k', 'x');
    await cluster.at(1).put('docs', 'k', 'y');
    cluster.network.heal();
    await cluster.settled();
    for (const node of cluster.nodes) {
      expect(node.metric('remoteEventsApplied')).toBe(2);
      expect(node.metric('conflictsDetected')).toBe(1);
      expect(node.metric('conflictsResolved')).toBe(1);
      expect(node.metric('conflictRate')).toBe(0.5);
      expect(node.metric('streamingComparisons')).toBe(2);
      expect(node.metric('shortCircuitedComparisons')).toBe(2);
    }
    await cluster.at(1).put('docs', 'k', 'z');
    await cluster.settled();
    expect(cluster.at(0).metric('conflictsDetected')).toBe(1);
  });

  it('changes limits at once, and loses nothing under load', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const { scaling } = cluster.at(0);
    const writes = Array.from({ length: 60 }, (_, index) =>
      cluster.at(0).put('docs', `k${index}`, 'x'),
    );
    await scaling.reconfigureLimitsAsync({
      maxConcurrentOperations: 1,
      maxQueueDepth: 2,
      maxCacheEntries: 10,
      maxMemoryBytes: 4_096,
    });
    await Promise.all(writes);
    await cluster.settled();
    expect(scaling.currentLimits.maxQueueDepth).toBe(2);
    expect(Number(scaling.getScalingMetrics()['cache.size'])).toBeLessThanOrEqual(10);
    expect((await cluster.at(1).objects.list('docs')).objects).toHaveLength(60);
  });

  it('refuses nonsense with a code, and changes nothing then', async () => {
    await using cluster = await TestCluster.start(['a']);
    const { scaling } = cluster.at(0);
    const routes = [
      { pattern: 'x', strategy: 'local-only' },
      { pattern: 'y', strategy: 'local-only' },
    ];
    await scaling.reconfigureLimitsAsync({ maxCacheEntries: 20 }, { settings: { routes } });
    const before = { limits: scaling.currentLimits, metrics: scaling.getScalingMetrics() };
    const refuses = async (
      change: Parameters<typeof scaling.reconfigureLimitsAsync>,
      code: string,
    ) => expect(scaling.reconfigureLimitsAsync(...change)).rejects.toMatchObject({ code });
    await refuses([{ maxQueueDepth: -1 }], 'DW_SCALING_INVALID_LIMITS');
    await refuses([{}, { settings: { maxLogBytes: 'all' } }], 'DW_SCALING_INVALID_LIMITS');
    await refuses([{}, { settings: { unknown: 1 } }], 'DW_SCALING_INVALID_LIMITS');
    await refuses([{ maxCacheEntries: 10 }], 'DW_REPLICATION_ROUTES_FULL');
    await refuses(
      [{ maxQueueDepth: 5 }, { settings: { defaultStrategy: 'none' } }],
      'DW_REPLICATION_UNKNOWN_STRATEGY',
    );
    expect({ limits: scaling.currentLimits, metrics: scaling.getScalingMetrics() }).toEqual(before);
  });
});
