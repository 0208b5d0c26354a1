import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { MemoryNetwork } from './testing/memory-network.js';
import { eventually, startNodes, type TestNode } from './testing/test-node.js';

describe('UltimateReplicationPlugin', () => {
  const running: TestNode[] = [];
  const start = async (...args: Parameters<typeof startNodes>): Promise<TestNode[]> => {
    const nodes = await startNodes(...args);
    running.push(...nodes);
    return nodes;
  };
  const again = async (node: TestNode): Promise<TestNode> => {
    const next = await node.again();
    running.push(next);
    return next;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((node) => node.stop()));
  });

  it('carries an object to every replica, small and large', async () => {
    const [a, b, c] = (await start(new MemoryNetwork(), ['a', 'b', 'c'])) as [
      TestNode,
      TestNode,
      TestNode,
    ];
    const large = randomBytes(1_000_000).toString('base64');
    await a.put('docs', 'small', 'x');
    await a.put('docs', 'empty', '');
    await a.put('docs', 'large', large);
    for (const node of [b, c]) {
      await eventually('the last object', async () => (await node.text('docs', 'large')) === large);
      expect(await node.text('docs', 'small')).toBe('x');
      expect(await node.text('docs', 'empty')).toBe('');
    }
  });

  it('removes an object everywhere, and hides the tombstone', async () => {
    const [a, b] = (await start(new MemoryNetwork(), ['a', 'b'])) as [TestNode, TestNode];
    await a.put('docs', 'k', 'x');
    await eventually('the object', () => b.text('docs', 'k'));
    await b.objects.delete('docs', 'k');
    await eventually('the removal', async () => (await a.text('docs', 'k')) === undefined);
    expect((await a.objects.list('docs')).objects).toEqual([]);
    expect((await a.objects.namespaces()).namespaces).toEqual([]);
  });

  it('continues from the offset of a replica that was killed, and misses nothing', async () => {
    const [a, b] = (await start(new MemoryNetwork(), ['a', 'b'])) as [TestNode, TestNode];
    for (let index = 0; index < 50; index += 1) {
      if (index === 20) await b.kill();
      await a.put('load', `k${index}`, `value ${index}`);
    }
    await a.objects.delete('load', 'k7');
    const b2 = await again(b);
    await eventually('the last one', () => b2.text('load', 'k49'));
    await eventually('the removal', async () => (await b2.text('load', 'k7')) === undefined);
    expect((await b2.objects.list('load')).objects).toHaveLength(49);
    expect(b2.metric('resynchronisations')).toBe(0);
  });
});
