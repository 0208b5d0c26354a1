import {
  type ClusterMember,
  peerError,
  type ReconfigureLimitsOptions,
  resolveScalingLimits,
  type ScalingLimits,
  scalingReconfiguredTopic,
  silentLogger,
} from '@datawarehouse/sdk';
import { createTestNodeIdentity, MemoryMessageBus } from '@datawarehouse/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PluginStatus } from '../../running/plugin-status.js';
import { ScalingRegistry } from '../../scaling/scaling-registry.js';
import { HttpServer } from '../http-server.js';

const token = 'operator-token-1234';
const plugin: PluginStatus = {
  id: 'notes',
  packageName: 'example-notes',
  version: '1.0.0',
  state: 'running',
  required: true,
  sdkRange: '^6.0.0',
  dependencies: [],
  commands: [],
  health: { status: 'healthy' },
  problems: [],
};
const member: ClusterMember = {
  nodeId: 'n2',
  endpoint: 'http://127.0.0.1:1',
  publicKey: createTestNodeIdentity().publicKey,
  joinedAtMs: 1,
};

let plugins: readonly PluginStatus[];
let isReady: boolean;
let reconfigured: { changes: unknown; options: ReconfigureLimitsOptions | undefined }[];
let members: ClusterMember[];
let bus: MemoryMessageBus;
let server: HttpServer;
let endpoint: string;

beforeEach(async () => {
  plugins = [plugin];
  isReady = true;
  reconfigured = [];
  members = [member];
  bus = new MemoryMessageBus();
  const scaling = new ScalingRegistry({ bus });
  let limits = resolveScalingLimits();
  scaling.add(
    {
      subsystemName: 'notes',
      get currentLimits() {
        return limits;
      },
      currentBackpressureState: 'normal',
      getScalingMetrics: () => ({ 'cache.size': 2 }),
      reconfigureLimitsAsync: async (changes, options) => {
        reconfigured.push({ changes, options });
        limits = resolveScalingLimits(changes, limits);
      },
    },
    'notes',
  );
  server = await HttpServer.open({
    host: '127.0.0.1',
    port: 0,
    token,
    logger: silentLogger,
    view: {
      nodeId: 'n1',
      publicKey: 'key',
      version: '6.0.0',
      startedAtMs: Date.now() - 1_000,
      plugins: () => plugins,
      isReady: () => isReady,
      scaling,
      membership: {
        members: () => members,
        member: (id) => members.find(({ nodeId }) => nodeId === id),
        join: async (to) => {
          if (to === member.endpoint) return member;
          throw peerError('DW_PEER_UNREACHABLE');
        },
        remove: async (id) => {
          const wasMember = members.some(({ nodeId }) => nodeId === id);
          members = members.filter(({ nodeId }) => nodeId !== id);
          return wasMember;
        },
      },
      bus,
    },
  });
  endpoint = await server.listen();
});
afterEach(() => server.close({ graceMs: 0 }));

async function call(method: string, path: string, json?: unknown) {
  const response = await fetch(endpoint + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

async function open(path: string) {
  const response = await fetch(endpoint + path);
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

describe('GET /health', () => {
  const failing: PluginStatus = { ...plugin, state: 'failed' };

  it.each<[string, number, string, PluginStatus[]]>([
    ['all is well', 200, 'healthy', [plugin]],
    ['nothing is loaded', 200, 'healthy', []],
    ['a plugin is degraded', 200, 'degraded', [{ ...plugin, health: { status: 'degraded' } }]],
    ['an optional plugin failed', 200, 'degraded', [plugin, { ...failing, required: false }]],
    ['a required plugin failed', 503, 'unhealthy', [plugin, failing]],
    [
      'a required plugin is ill',
      503,
      'unhealthy',
      [{ ...plugin, health: { status: 'unhealthy' } }],
    ],
  ])('answers, when %s, %i %s', async (_, status, health, loaded) => {
    plugins = loaded;
    expect(await open('/health')).toEqual({ status, json: { status: health } });
  });
});

describe('GET /ready', () => {
  it('answers 503 until the node takes work', async () => {
    isReady = false;
    expect(await open('/ready')).toEqual({ status: 503, json: { isReady: false } });
    isReady = true;
    expect(await open('/ready')).toEqual({ status: 200, json: { isReady: true } });
  });
});

describe('GET /api/v1/status', () => {
  it('shows the node at a glance', async () => {
    const { json } = await call('GET', '/api/v1/status');
    expect(json).toMatchObject({
      nodeId: 'n1',
      publicKey: 'key',
      version: '6.0.0',
      pid: process.pid,
      isReady: true,
      health: 'healthy',
      memberCount: 1,
      plugins: [{ id: 'notes', state: 'running', health: { status: 'healthy' } }],
    });
    expect(json.uptimeMs).toBeGreaterThanOrEqual(1_000);
    const memory = json.memory as Record<string, number>;
    expect(memory.peakRssBytes).toBeGreaterThan(1_048_576);
  });
});

describe('/api/v1/plugins', () => {
  it('lists plugins, and shows one', async () => {
    expect((await call('GET', '/api/v1/plugins')).json).toEqual({ plugins: [plugin] });
    expect((await call('GET', '/api/v1/plugins/notes')).json).toEqual(plugin);
  });

  it('answers 404 for a stranger', async () => {
    expect(await call('GET', '/api/v1/plugins/other')).toMatchObject({
      status: 404,
      json: { error: { code: 'DW_API_UNKNOWN_PLUGIN', details: { known: ['notes'] } } },
    });
  });
});

describe('/api/v1/scaling', () => {
  const shown = {
    subsystem: 'notes',
    pluginId: 'notes',
    limits: resolveScalingLimits(),
    backpressureState: 'normal',
    metrics: { 'cache.size': 2 },
  };

  it('lists subsystems, and shows one', async () => {
    expect((await call('GET', '/api/v1/scaling')).json).toEqual({ subsystems: [shown] });
    expect((await call('GET', '/api/v1/scaling/notes')).json).toEqual(shown);
  });

  it('changes limits, and tells the bus', async () => {
    const told: unknown[] = [];
    bus.subscribe(scalingReconfiguredTopic, ({ data }) => void told.push(data));
    const changes: Partial<ScalingLimits> = { maxCacheEntries: 5 };
    const { status, json } = await call('PATCH', '/api/v1/scaling/notes/limits', {
      ...changes,
      settings: { own: 1 },
      reason: 'a test',
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      subsystem: 'notes',
      oldLimits: { maxCacheEntries: 10_000 },
      newLimits: { maxCacheEntries: 5, maxQueueDepth: 1_000 },
    });
    expect(reconfigured).toEqual([
      { changes, options: { reason: 'a test', settings: { own: 1 } } },
    ]);
    await expect.poll(() => told).toHaveLength(1);
  });

  it.each([{ maxCacheEntries: 0 }, { maxCacheEntries: '5' }, { maxQueueDepth: -1 }, { other: 1 }])(
    'refuses %j with 400 and the code of the limits',
    async (changes) => {
      expect(await call('PATCH', '/api/v1/scaling/notes/limits', changes)).toMatchObject({
        status: 400,
        json: { error: { code: 'DW_SCALING_INVALID_LIMITS' } },
      });
      expect(reconfigured).toEqual([]);
    },
  );

  it('answers 404 for a stranger', async () => {
    const refusal = { status: 404, json: { error: { code: 'DW_HOST_SUBSYSTEM_UNKNOWN' } } };
    expect(await call('GET', '/api/v1/scaling/other')).toMatchObject(refusal);
    expect(await call('PATCH', '/api/v1/scaling/other/limits', {})).toMatchObject(refusal);
  });
});

describe('/api/v1/cluster/members', () => {
  it('lists members, meets a new one, and forgets one', async () => {
    const path = '/api/v1/cluster/members';
    expect((await call('GET', path)).json).toEqual({ nodeId: 'n1', members: [member] });
    const { endpoint: to } = member;
    expect((await call('POST', path, { endpoint: to })).json).toEqual({ member });
    expect((await call('DELETE', `${path}/n2`)).json).toEqual({ nodeId: 'n2', wasMember: true });
    expect((await call('DELETE', `${path}/n2`)).json).toEqual({ nodeId: 'n2', wasMember: false });
  });

  it('answers what meeting fails with', async () => {
    const path = '/api/v1/cluster/members';
    expect(await call('POST', path, { endpoint: 'http://127.0.0.1:9' })).toMatchObject({
      status: 503,
      json: { error: { code: 'DW_PEER_UNREACHABLE', retryable: true } },
    });
    expect(await call('POST', path, { url: 'x' })).toMatchObject({
      status: 400,
      json: { error: { code: 'DW_API_INVALID_BODY' } },
    });
  });
});

describe('GET /metrics', () => {
  it('asks for the token', async () => {
    expect((await fetch(`${endpoint}/metrics`)).status).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${endpoint}/metrics`, { headers });
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toContain('\ndw_cache_size{subsystem="notes"} 2\n');
  });
});
