import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, HostBench, summary } from '../fixtures/running-host.js';

/** A plugin with a scalable subsystem of its id. */
const scalable = (id: string): string => `
  async initializeAsync({ services }) {
    let limits = sdk.defaultScalingLimits;
    services.provide(sdk.IScalableSubsystem, {
      subsystemName: '${id}',
      get currentLimits() { return limits; },
      currentBackpressureState: 'normal',
      getScalingMetrics: () => ({ 'cache.size': 7, 'backpressure.state': 'normal' }),
      async reconfigureLimitsAsync(changes) { limits = sdk.resolveScalingLimits(changes, limits); },
    });
  },`;

describe('Host', () => {
  let bench: HostBench;

  beforeEach(async () => {
    bench = await HostBench.open();
  });

  afterEach(async () => {
    await bench[Symbol.asyncDispose]();
  });

  it('tells where it is while it runs, and keeps identity and token', async () => {
    const first = await bench.start([]);
    const file = join(bench.root, 'data/node.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      nodeId: first.nodeId,
      endpoint: first.endpoint,
      pid: process.pid,
      startedAt: expect.stringMatching(/^\d{4}-/),
    });
    expect(await readFile(join(bench.root, 'data/token'), 'utf8')).toBe(`${first.token}\n`);
    await first.stop();
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
    await writeFile(file, 'left behind');
    const second = await bench.start([]);
    expect([second.nodeId, second.token]).toEqual([first.nodeId, first.token]);
  });

  it('stops once, however often it is told to', async () => {
    const host = await bench.start([]);
    const stopping = host.stop();
    expect(host.stop()).toBe(stopping);
    await stopping;
    await expect(fetch(`${host.endpoint}/health`)).rejects.toThrow();
    await host.stop();
  });

  it('gives the start up when it is told to, and closes what it had opened', async () => {
    const abort = new AbortController();
    await bench.plugin('a', `async stopAsync() { note('stop'); },`);
    await bench.plugin(
      'hangs',
      `initializeAsync() { note('begun'); return new Promise(() => {}); },`,
    );
    const starting = bench.start(['a', 'hangs'], {}, { signal: abort.signal });
    const outcome = expect(starting).rejects.toThrow('enough');
    await expect.poll(() => bench.notes).toEqual(['begun']);
    abort.abort(new Error('enough'));
    await outcome;
    expect(bench.notes).toEqual(['begun', 'stop']);
    await bench.start(['a']);
  });

  it('guards the process until the plugins have stopped', async () => {
    const count = (): number => process.listenerCount('uncaughtException');
    const before = count();
    await bench.plugin(
      'a',
      `async stopAsync() { note(String(process.listenerCount('uncaughtException'))); },`,
    );
    const host = await bench.start(['a'], {}, { guardsProcess: true });
    await host.stop();
    expect(bench.notes).toEqual([String(before + 1)]);
    expect(count()).toBe(before);
  });

  it('lets requests at work end when it stops, and refuses new ones', async () => {
    await bench.plugin(
      'slow',
      `async initializeAsync({ routes, stopping }) {
        routes.add({ method: 'GET', path: '/slow/v1/wait', summary: 'Waits for the end.',
          async handle() {
            note('at work');
            await new Promise((resolve) => stopping.addEventListener('abort', resolve));
            note('answered');
            return { json: { done: true } };
          } });
      },
      async stopAsync() { note('stop'); },`,
    );
    const host = await bench.start(['slow']);
    const answer = call(host, '/slow/v1/wait');
    while (bench.notes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await host.stop();
    expect(await answer).toEqual({ status: 200, body: { done: true } });
    expect(bench.notes).toEqual(['at work', 'answered', 'stop']);
  });

  it('answers 503 on routes of a plugin that has not started, and 404 when it is gone', async () => {
    const route = `{ method: 'GET', path: '/early/v1/route', summary: 'Answers.',
      async handle() { return { json: { ok: true } }; } }`;
    await bench.plugin(
      'early',
      `async initializeAsync(given) { context = given; context.routes.add(${route}); },
      async startAsync() {
        const { readFile } = await import('node:fs/promises');
        const data = new URL('../data/', import.meta.url);
        const { endpoint } = JSON.parse(await readFile(new URL('node.json', data), 'utf8'));
        const token = (await readFile(new URL('token', data), 'utf8')).trim();
        const ask = async (path) => {
          const headers = { authorization: 'Bearer ' + token };
          return (await fetch(endpoint + path, { headers })).status;
        };
        note(await ask('/early/v1/route') + ' ' + await ask('/ready'));
      },`,
    );
    await bench.plugin(
      'gone',
      `async initializeAsync({ routes }) {
        routes.add({ method: 'GET', path: '/gone/v1/route', summary: 'Answers.',
          async handle() { return { json: {} }; } });
      },
      async startAsync() { throw new Error('no'); },`,
    );
    const host = await bench.start(['early', 'gone']);
    expect(bench.notes).toEqual(['503 503']);
    expect((await call(host, '/early/v1/route')).status).toBe(200);
    expect((await call(host, '/gone/v1/route')).status).toBe(404);
    expect((await call(host, '/ready')).status).toBe(200);
  });

  it('finds scalable subsystems, sets their configured limits, and changes them live', async () => {
    await bench.plugin('one', scalable('one'));
    await bench.plugin('two', scalable('two'));
    await bench.plugin(
      'listens',
      `async initializeAsync({ bus }) {
        bus.subscribe(sdk.scalingReconfiguredTopic, ({ data }) => {
          note(data.subsystemName + ' ' + data.oldLimits.maxQueueDepth + ' ' + data.newLimits.maxQueueDepth);
        });
      },`,
    );
    const host = await bench.start(['listens', 'one', 'two'], {
      scaling: { two: { limits: { maxQueueDepth: 5 } }, three: { limits: { maxQueueDepth: 5 } } },
    });
    const { body } = await call(host, '/api/v1/scaling/one/limits', {
      method: 'PATCH',
      json: { maxQueueDepth: 9 },
    });
    expect(body).toMatchObject({ newLimits: { maxQueueDepth: 9, maxCacheEntries: 10_000 } });
    expect(bench.notes).toEqual(['two 1000 5', 'one 1000 9']);
    expect(bench.log).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: { subsystem: 'three' } }),
    );
    await host.stop();
    expect((await bench.start(['one'])).plugins()[0]?.state).toBe('running');
  });

  it('fails a plugin whose subsystem has a taken name or refuses its limits', async () => {
    await bench.plugin('one', scalable('same'));
    await bench.plugin('two', scalable('same'));
    const setsThem = 'limits = sdk.resolveScalingLimits(changes, limits);';
    await bench.plugin(
      'three',
      scalable('picky').replace(setsThem, `throw new RangeError('too few');`),
    );
    const host = await bench.start(['one', 'two', 'three'], {
      scaling: { picky: { limits: { maxQueueDepth: 1 } } },
    });
    expect(summary(host)).toEqual([
      'one running',
      'two failed DW_PLUGIN_FAILED',
      'three failed DW_PLUGIN_FAILED',
    ]);
    expect(host.plugins().map(({ error }) => error?.message)).toEqual([
      undefined,
      expect.stringContaining('Plugin one already provides a scalable subsystem named same'),
      expect.stringContaining('too few'),
    ]);
  });

  it('refuses a data directory that another host uses, and says whose it is', async () => {
    await bench.start([]);
    await expect(bench.start([])).rejects.toMatchObject({
      code: 'DW_STORE_LOCKED',
      message: expect.stringContaining('this process'),
    });
  });

  it('refuses a port in use, and closes what it had opened', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await bench.plugin('a', `async stopAsync() { note('stop'); },`);
    await expect(bench.start(['a'], { http: { port } })).rejects.toMatchObject({
      code: 'DW_HOST_PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
    expect(bench.notes).toEqual(['stop']);
    server.close();
    await bench.start(['a']);
  });

  it('refuses a data directory that is a file, and an id that is not its own', async () => {
    await writeFile(join(bench.root, 'file'), '');
    await expect(bench.start([], { dataDirectory: 'file' })).rejects.toMatchObject({
      code: 'DW_HOST_DATA_DIRECTORY',
    });
    await (await bench.start([], { node: { id: 'n1' } })).stop();
    await expect(bench.start([], { node: { id: 'n2' } })).rejects.toMatchObject({
      code: 'DW_CLUSTER_IDENTITY_CONFLICT',
    });
    expect((await bench.start([])).nodeId).toBe('n1');
  });
});
