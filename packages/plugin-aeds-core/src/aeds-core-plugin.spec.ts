import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CONTENT_CHUNK_BYTES,
  IScalableSubsystem,
  standardMetricKeys,
  storePath,
} from '@datawarehouse/sdk';
import {
  callRoute,
  createTestPluginContext,
  ManualClock,
  MemoryBackingStore,
  type TestPluginContext,
} from '@datawarehouse/sdk/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AedsCorePlugin } from './aeds-core-plugin.js';
import { openCollections } from './collections/aeds-collections.js';
import type { JobDetail } from './delivery/job-view.js';
import type { Publication } from './delivery/publisher.js';
import type { KeyPair } from './identity/key-pair-file.js';
import { signRequest } from './protocol/request-signing.js';
import { newKeyPair, sampleClient } from './testing/samples.js';

const payload = randomBytes(3 * CONTENT_CHUNK_BYTES + 5);

describe('AedsCorePlugin', () => {
  let folder: string;
  let store: MemoryBackingStore;
  let clock: ManualClock;
  let context: TestPluginContext;
  let plugin: AedsCorePlugin;
  const clients = [newKeyPair(), newKeyPair()] as const;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-aeds-'));
    store = new MemoryBackingStore();
    clock = new ManualClock();
    const { clients: records } = openCollections(store);
    for (const { keyId, publicKey } of clients) {
      await records.create(keyId, sampleClient({ clientId: keyId, publicKey }));
    }
    await start();
    await call('POST', '/aeds/v1/channels', { channelId: 'stable' });
  });

  afterEach(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (beforeWork: () => void = () => undefined): Promise<void> => {
    context = createTestPluginContext({ store, clock, dataDirectory: folder });
    plugin = new AedsCorePlugin();
    await plugin.initializeAsync(context);
    beforeWork();
    await plugin.startAsync();
  };
  const stop = async (): Promise<void> => {
    await plugin.stopAsync(AbortSignal.timeout(1000));
    await context[Symbol.asyncDispose]();
  };
  const call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> =>
    (await callRoute(context, method, path, { body: body ?? {} })).json as T;
  const publish = (query = 'channel=stable', body: Uint8Array = payload): Promise<Publication> =>
    call('POST', `/aeds/v1/publications?name=a.bin&${query}`, body);
  const job = (jobId: string): Promise<JobDetail> => call('GET', `/aeds/v1/jobs/${jobId}`);
  const dispatched = async (jobId: string): Promise<void> => {
    await vi.waitFor(async () => {
      expect((await job(jobId)).totalTargets).toBeGreaterThan(0);
    });
  };

  /** Calls a route as a client. */
  const ask = (
    client: KeyPair,
    url: string,
    message?: object,
    headers: Readonly<Record<string, string>> = {},
  ): ReturnType<typeof callRoute> => {
    const method = message === undefined ? 'GET' : 'POST';
    const body = message === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(message));
    const audience = context.node.nodeId;
    const signed = signRequest({ method, url, audience, body, nowMs: clock.now() }, client);
    return callRoute(context, method, url, { body, headers: { ...signed.headers, ...headers } });
  };
  const tell = async (client: KeyPair, path: string, message: object): Promise<unknown> => {
    const { body } = await ask(client, `/aeds/v1/agent/${path}`, message);
    return JSON.parse(Buffer.from(body ?? []).toString());
  };
  const report = (client: KeyPair, reports: readonly object[]): Promise<unknown> =>
    tell(client, 'reports', { reports });
  const payloadUrl = ({ jobId, payloadId }: Publication): string =>
    `/aeds/v1/agent/jobs/${jobId}/payloads/${encodeURIComponent(payloadId)}`;

  it('provides its scaling manager', () => {
    const [manager] = context.services.getAll(IScalableSubsystem);
    expect(manager?.subsystemName).toBe('aeds');
    expect(Object.keys(manager?.getScalingMetrics() ?? {})).toEqual(
      expect.arrayContaining([...standardMetricKeys]),
    );
  });

  it('says how it does, and changes nothing by that', async () => {
    expect(plugin.health()).toEqual({ status: 'healthy' });
    await stop();
    await start(() => {
      store.list = () => {
        throw new Error('the disk is gone');
      };
    });
    await vi.waitFor(() => {
      expect(plugin.health()).toMatchObject({ status: 'degraded' });
    });
  });

  it('refuses what nobody would receive, before it reads a byte', async () => {
    await call('POST', '/aeds/v1/channels', { channelId: 'empty' });
    await expect(publish('channel=empty')).rejects.toMatchObject({ code: 'DW_AEDS_NO_TARGETS' });
    const stranger = newKeyPair().keyId;
    await expect(publish(`client=${stranger}`)).rejects.toMatchObject({
      code: 'DW_AEDS_TARGET_UNFIT',
      details: { reasons: [{ clientId: stranger, reason: 'unknown' }] },
    });
    await expect(publish('channel=stable&action=execute')).rejects.toMatchObject({
      code: 'DW_AEDS_ACTION_NOT_OFFERED',
    });
    await expect(publish('channel=stable&name=..%2Fx')).rejects.toMatchObject({
      code: 'DW_AEDS_FILE_NAME_UNSAFE',
    });
    expect((await call<{ jobs: unknown[] }>('GET', '/aeds/v1/jobs')).jobs).toEqual([]);
  });

  it('has job counts that come from what clients report, and add up', async () => {
    const publication = await publish();
    expect(publication).toMatchObject({ targets: 2, excluded: [], sizeBytes: payload.byteLength });
    const { jobId } = publication;
    await dispatched(jobId);
    expect(await job(jobId)).toMatchObject({
      status: 'inProgress',
      deliveredCount: 0,
      openCount: 2,
    });
    await report(clients[0], [{ jobId, state: 'downloading', bytes: 5, attempt: 1 }]);
    await report(clients[0], [{ jobId, state: 'applied' }]);
    expect(await job(jobId)).toMatchObject({ status: 'inProgress', deliveredCount: 1 });
    const answer = await report(clients[1], [{ jobId, state: 'refused', code: 'DW_AEDS_X' }]);
    expect(answer).toMatchObject({ results: [{ isAccepted: true, state: 'refused' }] });
    const detail = await job(jobId);
    expect(detail).toMatchObject({
      status: 'partiallyCompleted',
      totalTargets: 2,
      deliveredCount: 1,
      failedCount: 1,
      openCount: 0,
    });
    expect(Object.values(detail.counts).reduce((sum, count) => sum + count)).toBe(2);
  });

  it('answers each report on its own, and accepts none that contradicts an end', async () => {
    const { jobId } = await publish(`client=${clients[0].keyId}`);
    await dispatched(jobId);
    const answer = await report(clients[0], [
      { jobId, state: 'failed', code: 'DW_AEDS_DISK_FULL' },
      { jobId, state: 'applied' },
    ]);
    expect(answer).toMatchObject({
      results: [
        { isAccepted: true, state: 'failed' },
        { isAccepted: false, state: 'failed', code: 'DW_AEDS_ILLEGAL_MOVE' },
      ],
    });
    expect(await report(clients[1], [{ jobId, state: 'applied' }])).toMatchObject({
      results: [{ isAccepted: false, code: 'DW_AEDS_NOT_A_TARGET' }],
    });
    expect(await job(jobId)).toMatchObject({ status: 'failed', totalTargets: 1 });
  });

  it('knows jobs, clients, channels and targets after a restart, and goes on', async () => {
    const { jobId } = await publish();
    await dispatched(jobId);
    await report(clients[0], [{ jobId, state: 'applied' }]);
    await stop();
    await start();
    expect(await job(jobId)).toMatchObject({
      status: 'inProgress',
      deliveredCount: 1,
      openCount: 1,
    });
    const known = await call<{ clients: unknown[] }>('GET', '/aeds/v1/clients');
    expect(known.clients).toHaveLength(2);
    const poll = { waitMs: 0, inHand: [], capacity: 5, subscriptions: ['stable'] };
    expect(await tell(clients[1], 'poll', poll)).toMatchObject({ deliveries: [{ jobId }] });
    await report(clients[1], [{ jobId, state: 'applied' }]);
    expect(await job(jobId)).toMatchObject({ status: 'completed', deliveredCount: 2 });
  });

  it('serves ranges of a payload byte-exactly to its targets', async () => {
    const publication = await publish(`client=${clients[0].keyId}`);
    await dispatched(publication.jobId);
    const url = payloadUrl(publication);
    const whole = await ask(clients[0], url);
    expect(whole.status).toBe(200);
    expect(Buffer.from(whole.body ?? []).equals(payload)).toBe(true);
    const { etag = '' } = whole.headers;
    const range = `bytes=${CONTENT_CHUNK_BYTES - 1}-${CONTENT_CHUNK_BYTES}`;
    const part = await ask(clients[0], url, undefined, { range, 'if-range': etag });
    expect(part).toMatchObject({
      status: 206,
      headers: {
        'content-length': '2',
        'content-range': `bytes 65535-65536/${payload.byteLength}`,
      },
    });
    expect(Buffer.from(part.body ?? [])).toEqual(payload.subarray(65_535, 65_537));
    const other = await ask(clients[0], url, undefined, { range, 'if-range': '"other"' });
    expect(other.status).toBe(200);
    expect(await ask(clients[0], url, undefined, { range: 'bytes=999999999-' })).toMatchObject({
      status: 416,
      headers: { 'content-range': `bytes */${payload.byteLength}` },
      json: { error: { code: 'DW_AEDS_RANGE_NOT_SATISFIABLE' } },
    });
    const list = await ask(clients[0], `${url}/chunks`);
    expect(list.body?.byteLength).toBe(4 * 32);
  });

  it('keeps payloads in pack files of its data directory', async () => {
    const publication = await publish(`client=${clients[0].keyId}`);
    await dispatched(publication.jobId);
    const packs = await readdir(join(folder, 'content'));
    expect(packs).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.pack$/)]);
    await stop();
    await start();
    const { body } = await ask(clients[0], payloadUrl(publication));
    expect(Buffer.from(body ?? []).equals(payload)).toBe(true);
  });

  it('serves a payload to nobody else', async () => {
    const publication = await publish(`client=${clients[0].keyId}`);
    await dispatched(publication.jobId);
    const url = payloadUrl(publication);
    await expect(ask(clients[1], url)).rejects.toMatchObject({ code: 'DW_AEDS_NOT_A_TARGET' });
    await expect(ask(newKeyPair(), url)).rejects.toMatchObject({ code: 'DW_AEDS_UNAUTHENTICATED' });
    await expect(callRoute(context, 'GET', url)).rejects.toMatchObject({
      code: 'DW_AEDS_UNAUTHENTICATED',
    });
    await call('POST', `/aeds/v1/clients/${clients[0].keyId}/revoke`);
    await expect(ask(clients[0], url)).rejects.toMatchObject({ code: 'DW_AEDS_CLIENT_REVOKED' });
    expect(await job(publication.jobId)).toMatchObject({
      status: 'failed',
      targetStates: [{ state: 'cancelled', code: 'DW_AEDS_CLIENT_REVOKED' }],
    });
  });

  it('cancels a job, which stays cancelled, and says how many had applied it', async () => {
    const publication = await publish();
    const { jobId } = publication;
    await dispatched(jobId);
    await report(clients[0], [{ jobId, state: 'applied' }]);
    const cancelled = await call('POST', `/aeds/v1/jobs/${jobId}/cancel`);
    expect(cancelled).toMatchObject({ status: 'cancelled', deliveredCount: 1, failedCount: 1 });
    await expect(ask(clients[1], payloadUrl(publication))).rejects.toMatchObject({
      code: 'DW_AEDS_NOT_A_TARGET',
    });
    await report(clients[1], [{ jobId, state: 'applied' }]);
    expect(await job(jobId)).toMatchObject({ status: 'cancelled', deliveredCount: 2 });
    await expect(call('POST', `/aeds/v1/jobs/${jobId}/cancel`)).resolves.toMatchObject({
      status: 'cancelled',
    });
  });

  it('gives up on clients when a job expires, but believes what they did in time', async () => {
    const { jobId, expiresAt } = await publish('channel=stable&expiresInMs=60000');
    expect(expiresAt).toBe(clock.now() + 60_000);
    await dispatched(jobId);
    await report(clients[0], [{ jobId, state: 'verified' }]);
    clock.advance(60_000);
    await vi.waitFor(async () => {
      expect(await job(jobId)).toMatchObject({ status: 'failed', counts: { expired: 2 } });
    });
    await report(clients[0], [{ jobId, state: 'applied' }]);
    expect(await job(jobId)).toMatchObject({ status: 'partiallyCompleted', deliveredCount: 1 });
  });

  it('expires at the start what ended while it was stopped', async () => {
    const { jobId } = await publish('channel=stable&expiresInMs=60000');
    await dispatched(jobId);
    await stop();
    clock.advance(3_600_000);
    await start();
    await vi.waitFor(async () => {
      expect(await job(jobId)).toMatchObject({ status: 'failed', counts: { expired: 2 } });
    });
  });

  it('reports the metrics that a recount gives, and changes its limits at once', async () => {
    const manager = context.services.getAll(IScalableSubsystem)[0];
    const { jobId } = await publish();
    await dispatched(jobId);
    await report(clients[0], [{ jobId, state: 'applied' }]);
    const poll = { waitMs: 0, inHand: [], capacity: 0, subscriptions: [] };
    await tell(clients[0], 'poll', poll);
    await vi.waitFor(() => {
      expect(manager?.getScalingMetrics()).toMatchObject({ 'aeds.jobsProcessed': 1 });
    });
    const metrics = manager?.getScalingMetrics() ?? {};
    expect(metrics).toMatchObject({
      'aeds.jobsEnqueued': 1,
      'aeds.jobsProcessed': 1,
      'aeds.jobsFailed': 0,
      'aeds.totalQueuedJobs': 0,
      'aeds.clients.size': 2,
      'aeds.jobs.size': 1,
      'aeds.channels.size': 1,
      'aeds.chunkSizeBytes': CONTENT_CHUNK_BYTES,
      'backpressure.state': 'normal',
      'cache.size': ['manifests', 'validations', 'jobs', 'clients', 'channels']
        .map((name) => Number(metrics[`aeds.${name}.size`]))
        .reduce((sum, size) => sum + size),
    });
    await manager?.reconfigureLimitsAsync({ maxCacheEntries: 1, maxConcurrentOperations: 1 });
    expect(manager?.getScalingMetrics()).toMatchObject({
      'aeds.clients.size': 1,
      'aeds.maxConcurrentChunks': 1,
    });
    await expect(manager?.reconfigureLimitsAsync({ maxCacheEntries: 0 })).rejects.toMatchObject({
      code: 'DW_SCALING_INVALID_LIMITS',
    });
    await expect(
      manager?.reconfigureLimitsAsync({}, { settings: { magic: 1 } }),
    ).rejects.toMatchObject({ code: 'DW_SCALING_INVALID_LIMITS' });
    expect(await job(jobId)).toMatchObject({ deliveredCount: 1 });
  });

  it('changes the number of partitions while it works', async () => {
    const manager = context.services.getAll(IScalableSubsystem)[0];
    await manager?.reconfigureLimitsAsync({}, { settings: { partitions: 3 } });
    expect(manager?.getScalingMetrics()).toMatchObject({ 'aeds.partitionCount': 3 });
    await expect(
      manager?.reconfigureLimitsAsync({}, { settings: { partitions: 0 } }),
    ).rejects.toMatchObject({ code: 'DW_SCALING_INVALID_LIMITS' });
    await dispatched((await publish()).jobId);
  });

  it('puts a job that cannot be dispatched with the dead letters, and sends it again', async () => {
    await call('POST', '/aeds/v1/job-engine/hold');
    const { jobId, manifestId } = await publish();
    const path = storePath('aeds', 'manifests', manifestId);
    const manifest = await store.read(path);
    await stop();
    await store.delete(path);
    await start();
    await call('POST', '/aeds/v1/job-engine/release');
    await vi.waitFor(async () => {
      expect(await job(jobId)).toMatchObject({
        status: 'failed',
        error: { code: 'DW_AEDS_RECORD_DAMAGED' },
      });
    });
    await vi.waitFor(async () => {
      expect(await call('GET', '/aeds/v1/dead-letters')).toMatchObject({
        deadLetters: [{ jobId, attempts: [{ error: { code: 'DW_AEDS_RECORD_DAMAGED' } }] }],
      });
    });
    await store.write(path, manifest ?? new Uint8Array(0));
    await call('POST', `/aeds/v1/jobs/${jobId}/retry`);
    await dispatched(jobId);
    expect(await job(jobId)).toMatchObject({ status: 'inProgress', openCount: 2 });
  });

  it('describes every metric that it reports', () => {
    const manager = context.services.getAll(IScalableSubsystem)[0];
    const patterns = (manager?.metricDescriptors ?? []).map(
      ({ key }) => new RegExp(`^${key.replaceAll('.', '\\.').replace(/<\w+>/, '[^.]+')}$`),
    );
    const own = Object.keys(manager?.getScalingMetrics() ?? {}).filter((key) =>
      key.startsWith('aeds.'),
    );
    expect(own.filter((key) => !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
    expect(own).toHaveLength(
      25 + 4 + 9 + Number(manager?.getScalingMetrics()['aeds.partitionCount']) + 5 + 1,
    );
  });

  it('answers a poll at once where the client does not know its standing', async () => {
    const poll = { waitMs: 25_000, inHand: [], capacity: 5, subscriptions: [] };
    const known = await tell(clients[0], 'poll', { ...poll, status: 'pending' });
    expect(known).toMatchObject({ status: 'approved' });
    const waiting = tell(clients[0], 'poll', { ...poll, status: 'approved' });
    await vi.waitFor(() => {
      expect(clock.pendingTimers).toBeGreaterThan(1);
    });
    await call('POST', `/aeds/v1/clients/${clients[0].keyId}/revoke`);
    expect(await waiting).toMatchObject({ status: 'revoked', deliveries: [] });
  });

  it('has mandatory channels in every client’s poll', async () => {
    await call('POST', '/aeds/v1/channels', { channelId: 'all', subscriptionType: 'mandatory' });
    const poll = { waitMs: 0, inHand: [], capacity: 5, subscriptions: [] };
    expect(await tell(clients[0], 'poll', poll)).toMatchObject({ channels: ['all'] });
  });
});
