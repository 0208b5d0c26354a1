import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { StrategyRegistry } from '../strategies/strategy-registry.js';
import { TestCluster } from '../testing/test-node.js';
import { type Routing, StrategyRouter } from './strategy-router.js';
import { strategyRoutingTopic } from './strategy-routing-topic.js';

const configured: Routing = {
  defaultStrategy: 'asynchronous',
  routes: [{ pattern: 'critical/**', strategy: 'synchronous' }],
};

function open(store = new MemoryBackingStore(), changes: { maxCacheEntries?: number } = {}) {
  const strategies = new StrategyRegistry();
  return StrategyRouter.open({ store, strategies, configured, maxCacheEntries: 100, ...changes });
}

describe('StrategyRouter', { timeout: 30_000 }, () => {
  it('begins with the configured routes, and keeps changed ones over restarts', async () => {
    const store = new MemoryBackingStore();
    const first = await open(store);
    expect(first.resolve('critical/eu', 'k').name).toBe('synchronous');
    await first.set({ pattern: 'critical/eu', strategy: 'local-only' }, { position: 0 });
    await first.setDefault('synchronous');
    const second = await open(store);
    expect(second.routing).toEqual(first.routing);
    expect(second.resolve('critical/eu', 'k').name).toBe('local-only');
    expect(second.resolve('other', 'k').name).toBe('synchronous');
  });

  it('keeps a stored route whose strategy is not there, and refuses only names that it decides', async () => {
    const store = new MemoryBackingStore();
    const strategies = new StrategyRegistry();
    strategies.add({ ...strategies.get('synchronous'), name: 'of-a-plugin' });
    const options = { store, configured, maxCacheEntries: 100 };
    const first = await StrategyRouter.open({ ...options, strategies });
    await first.set({ pattern: 'x', strategy: 'of-a-plugin' });
    const second = await open(store);
    expect(second.routing).toEqual(first.routing);
    expect(second.resolve('other', 'k').name).toBe('asynchronous');
    expect(() => second.resolve('x', 'k')).toThrow(
      expect.objectContaining({ code: 'DW_REPLICATION_UNKNOWN_STRATEGY' }),
    );
    await second.set({ pattern: 'y', strategy: 'synchronous' });
    expect(second.routing.routes).toHaveLength(3);
  });

  it('refuses a configured route whose strategy is not there', async () => {
    const routes = [{ pattern: 'x', strategy: 'none' }];
    const options = { store: new MemoryBackingStore(), strategies: new StrategyRegistry() };
    await expect(
      StrategyRouter.open({
        ...options,
        configured: { ...configured, routes },
        maxCacheEntries: 100,
      }),
    ).rejects.toMatchObject({ code: 'DW_REPLICATION_UNKNOWN_STRATEGY' });
  });

  it('drops the memo of decided names at each change', async () => {
    const router = await open();
    const decide = () => router.resolve('docs', 'k').name;
    expect(decide()).toBe('asynchronous');
    expect(decide()).toBe('asynchronous');
    expect(router.statistics()).toMatchObject({ hits: 1, misses: 1 });
    await router.set({ pattern: 'docs', strategy: 'synchronous' });
    expect(decide()).toBe('synchronous');
    await router.remove('docs');
    expect(decide()).toBe('asynchronous');
    await router.setDefault('local-only');
    expect(decide()).toBe('local-only');
    await router.replace({ routes: [{ pattern: '*', strategy: 'asynchronous' }] });
    expect(decide()).toBe('asynchronous');
  });

  it('does not confuse names whose parts run into one another', async () => {
    const router = await open();
    await router.set({ pattern: 'a', strategy: 'local-only' });
    expect(router.resolve('a', 'b/c').name).toBe('local-only');
    expect(router.resolve('a/b', 'c').name).toBe('asynchronous');
  });

  it('refuses unknown strategies, bad patterns and unknown routes, and changes nothing', async () => {
    const router = await open();
    const before = router.routing;
    const refuses = async (change: Promise<unknown>, code: string) =>
      expect(change).rejects.toMatchObject({ code: `DW_REPLICATION_${code}` });
    await refuses(router.set({ pattern: 'x', strategy: 'none' }), 'UNKNOWN_STRATEGY');
    await refuses(router.setDefault('none'), 'UNKNOWN_STRATEGY');
    await refuses(router.set({ pattern: '[', strategy: 'synchronous' }), 'INVALID_PATTERN');
    await refuses(router.remove('x'), 'UNKNOWN_ROUTE');
    await refuses(
      router.apply({ pattern: 'x', strategy: 'synchronous', defaultStrategy: 'none' }),
      'UNKNOWN_STRATEGY',
    );
    expect(router.routing).toEqual(before);
  });

  it('bounds the table by a tenth of the memo', async () => {
    const router = await open(undefined, { maxCacheEntries: 20 });
    await router.set({ pattern: 'x', strategy: 'synchronous' });
    await expect(router.set({ pattern: 'y', strategy: 'synchronous' })).rejects.toMatchObject({
      code: 'DW_REPLICATION_ROUTES_FULL',
    });
    expect(() => router.reconfigure({ maxEntries: 10 })).toThrow(
      expect.objectContaining({ code: 'DW_REPLICATION_ROUTES_FULL' }),
    );
    router.reconfigure({ maxEntries: 30 });
    await router.set({ pattern: 'y', strategy: 'synchronous' });
    expect(router.routing.routes).toHaveLength(3);
  });

  it('does not take a change for made that could not be stored', async () => {
    const store = new MemoryBackingStore();
    const router = await open(store);
    await store.close();
    await expect(router.setDefault('synchronous')).rejects.toMatchObject({
      code: 'DW_STORE_CLOSED',
    });
    expect(router.routing.defaultStrategy).toBe('asynchronous');
  });

  it('takes changes from the bus, one after another', async () => {
    await using cluster = await TestCluster.start(['a']);
    const { bus, objects } = cluster.at(0);
    await bus.publish(strategyRoutingTopic, { pattern: 'x/**', strategy: 'synchronous' });
    await bus.publish(strategyRoutingTopic, { defaultStrategy: 'local-only' });
    await bus.publish(strategyRoutingTopic, { pattern: 'x/**', remove: true });
    await bus.publish(strategyRoutingTopic, { pattern: 'y', strategy: 'asynchronous' });
    const strategyOf = async (namespace: string) =>
      (await objects.put(namespace, 'k', Buffer.from('x'))).strategy;
    await expect.poll(() => strategyOf('y')).toBe('asynchronous');
    expect(await strategyOf('x/y')).toBe('local-only');
  });
});

describe('strategyRoutingTopic', { timeout: 30_000 }, () => {
  it.each([
    [{ pattern: 'x', strategy: 'y' }, true],
    [{ defaultStrategy: 'y' }, true],
    [{ pattern: 'x', strategy: 'y', defaultStrategy: 'z' }, true],
    [{ pattern: 'x', remove: true }, true],
    [{}, false],
    [{ pattern: 'x' }, false],
    [{ strategy: 'y' }, false],
    [{ remove: true }, false],
    [{ pattern: 'x', strategy: 'y', remove: true }, false],
    [{ pattern: 'x', strategy: 'y', other: 1 }, false],
  ])('on %j is %j', (message, expected) => {
    expect(strategyRoutingTopic.schema.safeParse(message).success).toBe(expected);
  });
});
