import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { contract } from '../compatibility/contract.js';
import { verifyEd25519 } from '../distributed/request-signature.js';
import { topic } from '../messaging/topic.js';
import { ComposedSubsystem } from '../scaling/composed-subsystem.js';
import { IScalableSubsystem } from '../scaling/scalable-subsystem.js';
import { MemoryBackingStore } from './memory-backing-store.js';
import { MemoryMessageBus } from './memory-message-bus.js';
import { createTestPluginContext } from './test-plugin-context.js';

interface IGreeter {
  greet(): string;
}
const IGreeter = contract<IGreeter>('test.IGreeter', { introduced: '6.0.0' });
const greeter: IGreeter = { greet: () => 'hello' };
const happened = topic('test.happened', z.number());

describe('createTestPluginContext', () => {
  it('gives a working context without any option', async () => {
    await using context = createTestPluginContext();
    expect(context.pluginId).toBe('test-plugin');
    expect(context.config).toEqual({});
    expect(existsSync(context.dataDirectory)).toBe(true);
    await context.store.write('dw://a', Uint8Array.of(1));
    expect(await context.store.exists('dw://a')).toBe(true);
    const data = Buffer.from('data');
    const signature = Buffer.from(context.node.sign(data)).toString('base64url');
    expect(verifyEd25519(data, signature, context.node.publicKey)).toBe(true);
  });

  it('finds the services that it was given', async () => {
    await using context = createTestPluginContext({ services: [[IGreeter, greeter]] });
    expect(context.services.get(IGreeter)).toBe(greeter);
    expect(context.services.tryGet(IScalableSubsystem)).toBeUndefined();
    expect(() => context.services.get(IScalableSubsystem)).toThrow(
      expect.objectContaining({ code: 'DW_PLUGIN_SERVICE_MISSING' }),
    );
  });

  it('refuses a second provider, except of scalable subsystems', async () => {
    await using context = createTestPluginContext();
    const { services } = context;
    const first = services.provide(IGreeter, greeter);
    expect(() => services.provide(IGreeter, greeter)).toThrow(
      expect.objectContaining({ code: 'DW_PLUGIN_SERVICE_DUPLICATE' }),
    );
    first[Symbol.dispose]();
    services.provide(IGreeter, greeter);
    const subsystems = ['a', 'b'].map((subsystemName) => new ComposedSubsystem({ subsystemName }));
    for (const subsystem of subsystems) services.provide(IScalableSubsystem, subsystem);
    expect(services.getAll(IScalableSubsystem)).toEqual(subsystems);
  });

  it('lists the routes in force, and refuses a second one of a kind', async () => {
    await using context = createTestPluginContext();
    const route = {
      method: 'GET',
      path: '/x/v1/a',
      summary: 'Says nothing.',
      handle: async () => ({}),
    } as const;
    const added = context.routes.add(route);
    expect(context.routes.list).toEqual([route]);
    expect(() => context.routes.add(route)).toThrow(TypeError);
    added[Symbol.dispose]();
    expect(context.routes.list).toEqual([]);
  });

  it('closes what the plugin opened in reverse order, and says before that it stops', async () => {
    const context = createTestPluginContext();
    const { scope, stopping } = context;
    const closed: string[] = [];
    for (const name of ['first', 'second']) {
      scope.own({ [Symbol.dispose]: () => closed.push(`${name} ${stopping.aborted}`) });
    }
    await context[Symbol.asyncDispose]();
    await context[Symbol.asyncDispose]();
    expect(closed).toEqual(['second true', 'first true']);
  });

  it('goes on closing past a failure, and reports it', async () => {
    const context = createTestPluginContext();
    const fail = (message: string) => {
      context.scope.own({ [Symbol.asyncDispose]: () => Promise.reject(new Error(message)) });
    };
    let isClosed = false;
    context.scope.own({ [Symbol.dispose]: () => (isClosed = true) });
    fail('one');
    fail('two');
    await expect(context[Symbol.asyncDispose]()).rejects.toMatchObject({
      errors: [new Error('two'), new Error('one')],
    });
    expect(isClosed).toBe(true);
    await expect(context.store.read('dw://a')).rejects.toMatchObject({ code: 'DW_STORE_CLOSED' });
    expect(existsSync(context.dataDirectory)).toBe(false);
  });

  it('refuses what is opened after the end, and closes it at once', async () => {
    const context = createTestPluginContext();
    await context[Symbol.asyncDispose]();
    let isClosed = false;
    const late = { [Symbol.dispose]: () => (isClosed = true) };
    expect(() => context.scope.own(late)).toThrow(
      expect.objectContaining({ code: 'DW_PLUGIN_STOPPED' }),
    );
    expect(isClosed).toBe(true);
  });

  it('leaves open what it was given, without its subscriptions and responders', async () => {
    await using store = new MemoryBackingStore();
    await using bus = new MemoryMessageBus();
    const dataDirectory = await mkdtemp(join(tmpdir(), 'dw-plugin-'));
    try {
      const context = createTestPluginContext({ store, bus, dataDirectory });
      context.bus.subscribe(happened, () => undefined);
      context.bus.subscribe('test.*', () => undefined);
      context.bus.respond(happened, () => 'yes');
      expect(bus.statistics().map((subscription) => subscription.topic)).toEqual([
        'test.happened',
        'test.*',
      ]);
      expect(await context.bus.request(happened, 1)).toBe('yes');
      await context[Symbol.asyncDispose]();
      expect(bus.statistics()).toEqual([]);
      await expect(bus.request(happened, 1)).rejects.toMatchObject({ code: 'DW_BUS_NO_RESPONDER' });
      await store.write('dw://a', Uint8Array.of(1));
      expect(existsSync(dataDirectory)).toBe(true);
    } finally {
      await rm(dataDirectory, { recursive: true });
    }
  });
});
