import { describe, expect, it } from 'vitest';
import { TestCluster } from '../testing/test-node.js';

const config = { defaultStrategy: 'multi-primary' };

describe('the strategy multi-primary', { timeout: 30_000 }, () => {
  it('lets every node write while cut off, and ends with the latest write everywhere', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c'], { config });
    cluster.network.cut('a', 'b');
    cluster.network.cut('a', 'c');
    cluster.network.cut('b', 'c');
    for (const node of cluster.nodes) {
      const receipt = await node.put('docs', 'k', `of ${node.nodeId}`);
      expect(receipt).toMatchObject({ strategy: 'multi-primary', confirmedBy: [] });
    }
    cluster.network.heal();
    await cluster.settled();
    for (const node of cluster.nodes) expect(await node.text('docs', 'k')).toBe('of c');
    const logs = await Promise.all(cluster.nodes.map((node) => node.conflicts()));
    const lost = logs.flat().filter(({ isHeld }) => isHeld);
    expect(new Set(lost.map(({ writtenBy }) => writtenBy))).toEqual(new Set(['a', 'b']));
  });
});
