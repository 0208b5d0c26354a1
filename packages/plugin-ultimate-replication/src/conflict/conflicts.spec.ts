import { callRoute } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { TestCluster } from '../testing/test-node.js';

/** Two nodes that wrote one object in ignorance of one another. The second wrote later. */
async function startConflict() {
  const cluster = await TestCluster.start(['a', 'b']);
  cluster.network.cut('a', 'b');
  const lost = await cluster.at(0).put('docs', 'k', 'of a');
  const kept = await cluster.at(1).put('docs', 'k', 'of b');
  cluster.network.heal();
  await cluster.settled();
  return { cluster, lost, kept, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
}

describe('concurrent versions', { timeout: 30_000 }, () => {
  it('leave the latest on every node, and the other in the conflict log, once a node', async () => {
    await using started = await startConflict();
    const { cluster, lost, kept } = started;
    for (const node of cluster.nodes) {
      expect(await node.text('docs', 'k')).toBe('of b');
      expect(await node.conflicts()).toMatchObject([
        { version: lost.version, winner: kept.version, resolver: 'latestWins' },
      ]);
      expect(node.metric('conflictsDetected')).toBe(1);
      expect(node.metric('conflictsResolved')).toBe(1);
    }
    await cluster.at(0).sync.sync({ targetNodeId: 'b', mode: 'online' });
    expect(await cluster.at(1).conflicts()).toHaveLength(1);
  });

  it('leave the content with the node that had it, from where it can be restored', async () => {
    await using started = await startConflict();
    const { cluster } = started;
    const [a, b] = [cluster.at(0), cluster.at(1)];
    const [entry] = await a.conflicts();
    const url = `/api/v1/conflicts/${entry?.id ?? ''}`;
    expect(entry?.isHeld).toBe(true);
    const { body } = await callRoute(a.context, 'GET', `${url}/content`);
    expect(Buffer.from(body ?? []).toString()).toBe('of a');
    expect((await b.conflicts())[0]).toMatchObject({ id: entry?.id, isHeld: false });
    await expect(callRoute(b.context, 'POST', `${url}/restore`)).rejects.toMatchObject({
      code: 'DW_REPLICATION_CONFLICT_NOT_HELD',
      details: { writtenBy: 'a' },
    });
    await callRoute(a.context, 'POST', `${url}/restore`);
    await cluster.settled();
    for (const node of cluster.nodes) {
      expect(await node.text('docs', 'k')).toBe('of a');
      expect(node.metric('conflictsDetected')).toBe(1);
    }
  });

  it('bring no bytes over the network to be compared', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    cluster.network.cut('a', 'b');
    const large = Buffer.alloc(1_000_000, 'a');
    await cluster.at(0).put('docs', 'k', large);
    await cluster.at(1).put('docs', 'k', Buffer.alloc(1_000_000, 'b'));
    cluster.network.heal();
    cluster.network.calls.length = 0;
    await cluster.settled();
    const asked = cluster.network.calls.filter(({ service }) => /chunk/.test(service));
    expect(asked.length).toBeGreaterThan(0);
    // The later version has to go to a; nothing of the earlier one goes to b.
    expect(new Set(asked.map(({ from }) => from))).toEqual(new Set(['a']));
    expect(cluster.at(1).metric('conflictsDetected')).toBe(1);
  });
});
