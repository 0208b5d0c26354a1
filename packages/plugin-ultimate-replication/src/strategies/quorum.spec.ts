import { describe, expect, it } from 'vitest';
import { services } from '../queue/peer-messages.js';
import { eventually, TestCluster } from '../testing/test-node.js';

const config = {
  confirmTimeoutMs: 400,
  strategies: [{ name: 'quorum-2', confirmations: 2 }],
  routes: [
    { pattern: 'majority/**', strategy: 'quorum' },
    { pattern: 'two/**', strategy: 'quorum-2' },
  ],
};

/** Lets nothing of a's log reach these nodes. */
function silence(cluster: TestCluster, nodeIds: readonly string[]): void {
  cluster.network.fateOf = ({ service, to }) =>
    service === services.apply && nodeIds.includes(to) ? 'lost' : 'delivered';
}

describe('the strategy quorum', { timeout: 30_000 }, () => {
  it('returns when a majority has the write, though a node is cut off', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c'], { config });
    cluster.network.cut('a', 'c');
    const receipt = await cluster.at(0).put('majority', 'k', 'x');
    expect(receipt).toMatchObject({ strategy: 'quorum', confirmedBy: ['b'] });
    expect(await cluster.at(1).text('majority', 'k')).toBe('x');
  });

  it('fails with a code by its deadline where no majority confirms, and keeps the write', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c'], { config });
    silence(cluster, ['b', 'c']);
    await expect(cluster.at(0).put('majority', 'k', 'x')).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNCONFIRMED',
      retryable: true,
      details: { isStored: true, confirmedBy: [], neededCount: 1, registeredCount: 2 },
    });
    cluster.network.heal();
    await cluster.settled();
    for (const node of cluster.nodes) expect(await node.text('majority', 'k')).toBe('x');
  });

  it('has its majority where the node is alone', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    expect(await cluster.at(0).put('majority', 'k', 'x')).toMatchObject({ confirmedBy: [] });
  });

  it('with a number waits for so many replicas, and is no less where there are fewer', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c'], { config });
    const receipt = await cluster.at(0).put('two', 'k', 'x');
    expect(receipt).toMatchObject({ strategy: 'quorum-2', confirmedBy: ['b', 'c'] });
    await cluster.at(2).kill();
    const refusal = { code: 'DW_REPLICATION_UNCONFIRMED', details: { neededCount: 2 } };
    await expect(cluster.at(0).put('two', 'k', 'y')).rejects.toMatchObject(refusal);
    await eventually('c to be inactive', () => cluster.at(0).metric('activeReplicaCount') === 1);
    await expect(cluster.at(0).put('two', 'k', 'z')).rejects.toMatchObject(refusal);
    await using alone = await TestCluster.start(['a'], { config });
    await expect(alone.at(0).put('two', 'k', 'x')).rejects.toMatchObject(refusal);
  });
});
