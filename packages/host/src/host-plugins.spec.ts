import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, HostBench, summary } from '../fixtures/running-host.js';

/** The shortest time limits that a configuration may set. */
const timeouts = { initializeMs: 100, startMs: 100, stopMs: 1_000 };
const never = 'new Promise(() => {})';

describe('plugins of a Host', () => {
  let bench: HostBench;

  beforeEach(async () => {
    bench = await HostBench.open();
  });

  afterEach(async () => {
    await bench[Symbol.asyncDispose]();
  });

  it('initialises in order of dependency, starts when all are initialised, stops in reverse', async () => {
    const members = (id: string): string => `
      async initializeAsync(given) {
        context = given;
        note('${id} initialize');
        for (const name of ['first', 'second']) {
          context.scope.own({ [Symbol.asyncDispose]: async () => note('${id} closes ' + name) });
        }
        context.stopping.addEventListener('abort', () => note('${id} stopping'));
      },
      async startAsync() { note('${id} start'); },
      async stopAsync(deadline) { note('${id} stop ' + deadline.aborted); },`;
    await bench.plugin('a', members('a'));
    await bench.plugin('b', members('b'), { dependencies: ['a'] });
    const host = await bench.start(['b', 'a']);
    expect(bench.notes).toEqual(['a initialize', 'b initialize', 'a start', 'b start']);
    expect(host.plugins()).toMatchObject([
      { id: 'a', packageName: 'plugin-a', version: '1.2.3', state: 'running', sdkRange: '^6.0.0' },
      { id: 'b', state: 'running', dependencies: ['a'], health: { status: 'healthy' } },
    ]);
    bench.notes.length = 0;
    await Promise.all([host.stop(), host.stop()]);
    expect(bench.notes).toEqual([
      'b stopping',
      'b stop false',
      'a stopping',
      'a stop false',
      'b closes second',
      'b closes first',
      'a closes second',
      'a closes first',
    ]);
    expect(summary(host)).toEqual(['a stopped', 'b stopped']);
  });

  it('goes on without plugins that throw, hang or cannot be imported', async () => {
    await bench.plugin('good', '');
    await bench.plugin('throws', `async initializeAsync() { throw new Error('no'); },`);
    await bench.plugin('throws-late', `async startAsync() { throw 'a string'; },`);
    await bench.plugin('hangs', `initializeAsync: () => ${never},`);
    await bench.plugin('hangs-late', `startAsync: () => ${never},`);
    await bench.plugin('syntax', '', { code: 'export const createPlugin = ;' });
    await bench.plugin('import-throws', '', { code: `throw new Error('at import');` });
    await bench.plugin('import-hangs', '', { code: `await ${never};` });
    await bench.plugin('no-export', '', { code: 'export const plugin = 1;' });
    await bench.plugin('no-plugin', '', { code: 'export const createPlugin = () => ({});' });
    await bench.plugin('unbuilt', '', { manifest: { entry: './dist/index.js' } });
    const host = await bench.start(
      [
        'throws',
        'throws-late',
        'hangs',
        'hangs-late',
        'syntax',
        'import-throws',
        'import-hangs',
        'no-export',
        'no-plugin',
        'unbuilt',
        'good',
      ],
      { timeouts },
    );
    expect(summary(host)).toEqual([
      'throws failed DW_PLUGIN_FAILED',
      'throws-late failed DW_PLUGIN_FAILED',
      'hangs failed DW_PLUGIN_TIMEOUT',
      'hangs-late failed DW_PLUGIN_TIMEOUT',
      'syntax failed DW_PLUGIN_IMPORT_FAILED',
      'import-throws failed DW_PLUGIN_IMPORT_FAILED',
      'import-hangs failed DW_PLUGIN_TIMEOUT',
      'no-export failed DW_PLUGIN_ENTRY_INVALID',
      'no-plugin failed DW_PLUGIN_ENTRY_INVALID',
      'unbuilt failed DW_PLUGIN_IMPORT_FAILED',
      'good running',
    ]);
    for (const { id, error } of host.plugins().slice(0, -1)) {
      expect(error?.message).toMatch(new RegExp(`\\b[Pp]lugin ${id}\\b`));
      expect(error?.hint).toBeTruthy();
      expect(bench.log).toContainEqual(
        expect.objectContaining({ level: 'error', message: error?.message }),
      );
    }
    const messages = host.plugins().map(({ error }) => error?.message);
    expect(messages).toContain('Plugin import-hangs did not finish its import within 100 ms');
    expect(messages).toContain('Plugin hangs did not finish initializeAsync within 100 ms');
    expect((await call(host, '/ready')).status).toBe(200);
  });

  it('never imports what it refuses', async () => {
    const code = `import { writeFileSync } from 'node:fs';
      writeFileSync(new URL('imported', import.meta.url), '');
      export const createPlugin = () => ({ async initializeAsync() {} });`;
    await bench.plugin('future', '', { code, sdk: '^7.0.0' });
    await bench.plugin('lonely', '', { code, dependencies: ['absent'] });
    await bench.plugin('round', '', { code, dependencies: ['trip'] });
    await bench.plugin('trip', '', { code, dependencies: ['round'] });
    await bench.plugin('malformed', '', { code, manifest: { sdk: 'latest please' } });
    const host = await bench.start(['future', 'lonely', 'round', 'trip', 'malformed']);
    expect(summary(host)).toEqual([
      'future refused DW_PLUGIN_SDK_RANGE',
      'malformed refused DW_PLUGIN_MANIFEST_INVALID',
      'lonely refused DW_PLUGIN_DEPENDENCY_MISSING',
      'round refused DW_PLUGIN_DEPENDENCY_CYCLE',
      'trip refused DW_PLUGIN_DEPENDENCY_CYCLE',
    ]);
    for (const { id } of host.plugins()) {
      await expect(stat(join(bench.root, id, 'imported'))).rejects.toMatchObject({
        code: 'ENOENT',
      });
    }
  });

  it('ends what depends on a plugin that failed, before that plugin', async () => {
    const stops = (id: string): string => `
      async initializeAsync({ scope }) {
        scope.own({ [Symbol.dispose]: () => note('${id} closed') });
      },
      async stopAsync() { note('${id} stop'); },`;
    await bench.plugin('base', `${stops('base')} async startAsync() { throw new Error('no'); },`);
    await bench.plugin('middle', stops('middle'), { dependencies: ['base'] });
    await bench.plugin('top', stops('top'), { dependencies: ['middle'] });
    await bench.plugin('beside', '', { optionalDependencies: ['base'] });
    const host = await bench.start(['base', 'middle', 'top', 'beside']);
    expect(summary(host)).toEqual([
      'base failed DW_PLUGIN_FAILED',
      'middle failed DW_PLUGIN_DEPENDENCY_FAILED',
      'top failed DW_PLUGIN_DEPENDENCY_FAILED',
      'beside running',
    ]);
    expect(bench.notes).toEqual([
      'top stop',
      'top closed',
      'middle stop',
      'middle closed',
      'base stop',
      'base closed',
    ]);
  });

  it('rejects the start where a required plugin is refused or fails, and closes all', async () => {
    await bench.plugin('bad', `async initializeAsync() { throw new Error('no disk'); },`);
    await bench.plugin('good', `async stopAsync() { note('good stop'); },`);
    await expect(bench.start(['good', { path: 'bad', required: true }])).rejects.toMatchObject({
      code: 'DW_PLUGIN_FAILED',
      message: 'Plugin bad failed in initializeAsync: no disk',
    });
    expect(bench.notes).toEqual(['good stop']);
    const absent = { package: 'not-installed', required: true };
    await expect(bench.start(['good', absent])).rejects.toMatchObject({
      code: 'DW_PLUGIN_NOT_FOUND',
    });
    await expect(
      bench.start(['good', absent, { path: 'nowhere', required: true }]),
    ).rejects.toMatchObject({
      code: 'DW_HOST_REQUIRED_PLUGIN',
      message: expect.stringMatching(/not-installed.*nowhere/),
      details: { problems: [{ code: 'DW_PLUGIN_NOT_FOUND' }, { code: 'DW_PLUGIN_NOT_FOUND' }] },
    });
    await bench.plugin(
      'bad-too',
      `async initializeAsync() { throw new Error('no net\\nat all'); },`,
    );
    const both = ['bad', 'bad-too'].map((path) => ({ path, required: true }));
    await expect(bench.start(both)).rejects.toMatchObject({
      code: 'DW_HOST_REQUIRED_PLUGIN',
      message:
        'Required plugins did not start. Plugin bad failed in initializeAsync: no disk; Plugin bad-too failed in initializeAsync: no net',
    });
    // The store is free again.
    await bench.start(['good']);
  });

  it('stops within the grace although plugins hang, and goes on past what does not close', async () => {
    await bench.plugin('hangs', `stopAsync: () => ${never},`);
    await bench.plugin(
      'leaves',
      `async initializeAsync({ scope }) {
        scope.own({ [Symbol.dispose]: () => note('closed all the same') });
        scope.own({ [Symbol.dispose]: () => { throw new Error('stuck'); } });
      },
      async stopAsync() { throw new Error('cannot stop'); },`,
    );
    const host = await bench.start(['leaves', 'hangs']);
    await host.stop({ graceMs: 50 });
    expect(summary(host)).toEqual([
      'leaves failed DW_PLUGIN_FAILED',
      'hangs failed DW_PLUGIN_TIMEOUT',
    ]);
    expect(bench.notes).toEqual(['closed all the same']);
    expect(bench.log).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'plugin leaves left something open' }),
    );
  });

  it('gives a plugin its section, its folder and its own view of the host', async () => {
    await bench.plugin(
      'a',
      `async initializeAsync(given) {
        context = given;
        note(JSON.stringify(context.config));
        await context.store.write('dw://test/a', Uint8Array.of(1));
        note(String(context.services.get(sdk.IMessageBus) === context.bus));
        note(String(context.services.get(sdk.INodeIdentity) === context.node));
        note(String(context.services.get(sdk.IPersistentBackingStore) === context.store));
        note(context.services.get(sdk.IClusterMembership).members().length + ' members');
        note(context.dataDirectory);
      },
      async stopAsync() { await context.store.close(); },`,
      {
        configSchema: { type: 'object', properties: { depth: { type: 'integer', default: 3 } } },
      },
    );
    await bench.plugin(
      'b',
      `async initializeAsync(given) { context = given; },
      async stopAsync() { note(String((await context.store.read('dw://test/a')).length)); },`,
    );
    const host = await bench.start(['b', { path: 'a', config: { name: 'x' } }]);
    expect(bench.notes).toEqual([
      '{"name":"x","depth":3}',
      'true',
      'true',
      'true',
      '0 members',
      join(bench.root, 'data/plugins/a'),
    ]);
    await host.stop();
    // Plugin a closed its view of the store, not the store.
    expect(bench.notes.at(-1)).toBe('1');
  });

  it('shares services, refuses a second provider, and takes them back', async () => {
    const token = `sdk.contract('test.greeter.IGreeter', { introduced: '6.0.0' })`;
    await bench.plugin(
      'gives',
      `async initializeAsync({ services }) { services.provide(${token}, { hello: () => 'hello' }); },`,
    );
    await bench.plugin(
      'takes',
      `async initializeAsync({ services }) { note(services.get(${token}).hello()); },`,
      { dependencies: ['gives'] },
    );
    await bench.plugin(
      'gives-too',
      `async initializeAsync({ services }) { services.provide(${token}, {}); },`,
    );
    await bench.plugin(
      'replaces-bus',
      `async initializeAsync({ services }) { services.provide(sdk.IMessageBus, {}); },`,
    );
    await bench.plugin(
      'misses',
      `async initializeAsync({ services }) {
        services.get(sdk.contract('test.nobody.INobody', { introduced: '6.0.0' }));
      },`,
    );
    const host = await bench.start(['gives', 'takes', 'gives-too', 'replaces-bus', 'misses']);
    expect(bench.notes).toEqual(['hello']);
    const messages = host.plugins().map(({ error }) => error?.message);
    expect(messages).toEqual([
      undefined,
      undefined,
      'Plugin gives-too failed in initializeAsync: test.greeter.IGreeter is already provided by plugin gives',
      'Plugin replaces-bus failed in initializeAsync: dw.sdk.IMessageBus is already provided by the host',
      'Plugin misses failed in initializeAsync: Nobody provides test.nobody.INobody',
    ]);
  });

  it('contains errors of message handlers and routes', async () => {
    await bench.plugin(
      'bad',
      `async initializeAsync({ bus, routes }) {
        bus.subscribe('dw.test.>', () => { throw new Error('in a handler'); });
        routes.add({ method: 'GET', path: '/bad/v1/route', summary: 'Throws.',
          handle() { throw new Error('in a route'); } });
      },`,
    );
    await bench.plugin(
      'asks',
      `async initializeAsync(given) { context = given; },
      async startAsync() {
        await context.bus.publish(sdk.topic('dw.test.thing.happened', {}), 1);
      },`,
    );
    const host = await bench.start(['bad', 'asks']);
    const { status, body } = await call(host, '/bad/v1/route');
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('.js:');
    expect(bench.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'a message handler failed',
        fields: expect.objectContaining({ subscriber: 'bad: dw.test.>' }),
      }),
    );
    expect(summary(host)).toEqual(['bad running', 'asks running']);
  });

  it('says what a running plugin says of its health', async () => {
    await bench.plugin(
      'ill',
      `health: () => ({ status: 'degraded', reason: 'a cold', since: 1n }),`,
    );
    await bench.plugin('mute', `health: () => { throw new Error('mute'); },`);
    await bench.plugin('odd', `health: () => 'fine',`);
    const host = await bench.start(['ill', 'mute', 'odd']);
    expect(host.plugins().map(({ health }) => health)).toEqual([
      { status: 'degraded', reason: 'a cold' },
      { status: 'unhealthy', reason: 'health() threw: mute' },
      { status: 'unhealthy', reason: 'health() returned no health' },
    ]);
  });
});
