import { callRoute } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { eventually, TestCluster, type TestNode } from '../testing/test-node.js';

const remove = async (node: TestNode, id: string) =>
  (await callRoute(node.context, 'DELETE', `/api/v1/replicas/${id}`)).json;
const idsOf = async (node: TestNode) => (await node.replicas()).map(({ nodeId }) => nodeId);

describe('ReplicaRemoval', { timeout: 30_000 }, () => {
  it('makes every node that it reaches forget a node, and releases what was held for it', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c', 'gone']);
    await cluster.at(3).kill();
    for (const node of cluster.nodes.slice(0, 3)) await node.put('docs', node.nodeId, 'x');
    await eventually('the log to hold', () => cluster.at(1).metric('walSize') === 1);
    expect(await remove(cluster.at(0), 'gone')).toEqual({
      nodeId: 'gone',
      wasMember: true,
      forgottenBy: ['b', 'c'],
      notReached: [],
    });
    for (const node of cluster.nodes.slice(0, 3)) {
      await eventually('the removal', async () => !(await idsOf(node)).includes('gone'));
      await eventually('the log to let go', () => node.metric('walSize') === 0);
    }
  });

  it('says which nodes do not know of it', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    cluster.network.cut('a', 'b');
    expect(await remove(cluster.at(0), 'c')).toEqual({
      nodeId: 'c',
      wasMember: true,
      forgottenBy: [],
      notReached: [{ nodeId: 'b', code: 'DW_PEER_UNREACHABLE' }],
    });
    expect(await idsOf(cluster.at(1))).toEqual(['a', 'c']);
  });

  it('is refused for the node itself, also when another node asks', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await expect(remove(cluster.at(0), 'a')).rejects.toMatchObject({
      code: 'DW_REPLICATION_OWN_ID',
    });
    const report = await remove(cluster.at(0), 'b');
    expect(report).toMatchObject({ wasMember: true, forgottenBy: [] });
    expect(await idsOf(cluster.at(1))).toEqual(['a']);
  });
});
