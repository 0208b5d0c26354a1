import { callRoute } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { eventually, TestCluster, type TestNode } from '../testing/test-node.js';

const config = {
  defaultStrategy: 'primary-secondary',
  strategies: [{ name: 'safe-primary', admission: 'primary', confirmations: 2 }],
  routes: [{ pattern: 'safe', strategy: 'safe-primary' }],
  confirmTimeoutMs: 500,
};

const promote = ({ context }: TestNode, nodeId: string) =>
  callRoute(context, 'PUT', '/api/v1/primary', { body: { nodeId } });

async function primaryOf({ context }: TestNode) {
  const { json } = await callRoute(context, 'GET', '/api/v1/primary');
  return (json as { readonly primary?: { readonly term: number; readonly nodeId: string } })
    .primary;
}

const knows = (node: TestNode, nodeId: string) =>
  eventually(`${node.nodeId} to know`, async () => (await primaryOf(node))?.nodeId === nodeId);

/** Three nodes that take the first for the primary. */
async function start() {
  const cluster = await TestCluster.start(['a', 'b', 'c'], { config });
  await promote(cluster.at(0), 'a');
  for (const node of cluster.nodes) await knows(node, 'a');
  return cluster;
}

describe('the strategy primary-secondary', { timeout: 30_000 }, () => {
  it('refuses every write while no node is the primary', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    for (const node of cluster.nodes) {
      await expect(node.put('docs', 'k', 'x')).rejects.toMatchObject({
        code: 'DW_REPLICATION_NOT_PRIMARY',
        details: { mayBeStored: false },
      });
    }
  });

  it('has other nodes hand their writes to the primary, which fetches their content', async () => {
    await using cluster = await start();
    const large = Buffer.alloc(600_000, 'content');
    const receipt = await cluster.at(1).put('docs', 'k', large);
    expect(receipt.version).toMatch(/@a$/);
    expect(receipt).toMatchObject({ sizeBytes: 600_000, strategy: 'primary-secondary' });
    const small = await cluster.at(2).put('docs', 'small', 'x');
    expect(small.version).toMatch(/@a$/);
    expect(cluster.at(1).metric('walWrites')).toBe(0);
    await cluster.settled();
    for (const node of cluster.nodes) {
      expect(await node.text('docs', 'k')).toBe(large.toString());
      expect(await node.text('docs', 'small')).toBe('x');
    }
    await cluster.at(2).objects.delete('docs', 'k');
    await expect(cluster.at(2).objects.delete('docs', 'k')).rejects.toMatchObject({
      code: 'DW_REPLICATION_NOT_FOUND',
    });
    await cluster.settled();
    for (const node of cluster.nodes) expect(await node.text('docs', 'k')).toBeUndefined();
    for await (const path of cluster.at(1).store.list('dw://replication/forwards/')) {
      expect(path).toBe('nothing');
    }
  });

  it('refuses on a node that is cut off from the primary, and writes on the primary', async () => {
    await using cluster = await start();
    cluster.network.cut('a', 'b');
    await expect(cluster.at(1).put('docs', 'k', 'of b')).rejects.toMatchObject({
      code: 'DW_REPLICATION_NOT_PRIMARY',
      retryable: true,
      details: { primary: 'a', mayBeStored: false },
    });
    await cluster.at(0).put('docs', 'k', 'of a');
    cluster.network.heal();
    await cluster.settled();
    for (const node of cluster.nodes) expect(await node.text('docs', 'k')).toBe('of a');
  });

  it('passes on what the primary refuses its caller', async () => {
    await using cluster = await start();
    await cluster.at(2).kill();
    await eventually('c to be gone', () => cluster.at(0).metric('activeReplicaCount') === 1);
    await expect(cluster.at(1).put('safe', 'k', 'x')).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNCONFIRMED',
      details: { primary: 'a', isStored: true },
    });
  });

  it('follows a promotion, and refuses what reaches the old primary after it', async () => {
    await using cluster = await start();
    await cluster.at(0).kill();
    await promote(cluster.at(1), 'b');
    await knows(cluster.at(2), 'b');
    const receipt = await cluster.at(2).put('docs', 'k', 'x');
    expect(receipt.version).toMatch(/@b$/);
    const old = await cluster.again(0);
    await knows(old, 'b');
    expect((await primaryOf(old))?.term).toBe(2);
    expect((await old.put('docs', 'k', 'y')).version).toMatch(/@b$/);
  });

  it('keeps its primary over a restart, and takes the greater term where two were promoted', async () => {
    await using cluster = await start();
    await cluster.at(1).kill();
    expect(await primaryOf(await cluster.again(1))).toEqual({ term: 1, nodeId: 'a' });
    await cluster.settled();
    cluster.network.cut('a', 'b');
    cluster.network.cut('a', 'c');
    await promote(cluster.at(0), 'a');
    await promote(cluster.at(1), 'b');
    await promote(cluster.at(1), 'b');
    cluster.network.heal();
    for (const node of cluster.nodes) await knows(node, 'b');
  });

  it('refuses to promote a node that is not there', async () => {
    await using cluster = await start();
    await expect(promote(cluster.at(0), 'nobody')).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNKNOWN_NODE',
    });
  });
});
