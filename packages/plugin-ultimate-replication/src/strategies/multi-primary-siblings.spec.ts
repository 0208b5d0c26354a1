import { callRoute } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { TestCluster, type TestNode } from '../testing/test-node.js';

const config = { defaultStrategy: 'multi-primary-siblings', maxSiblings: 4 };
const put = (node: TestNode, text: string, context?: string) =>
  node.objects.put('docs', 'k', Buffer.from(text), { context });
const siblingsOf = (node: TestNode) => node.objects.siblings('docs', 'k');

async function textsOf(node: TestNode): Promise<readonly string[]> {
  const { siblings } = await siblingsOf(node);
  return Promise.all(
    siblings.map(async ({ version }) => {
      const pieces: Uint8Array[] = [];
      const one = await node.objects.get('docs', 'k', { version });
      for await (const piece of one.open()) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    }),
  );
}

/** Nodes that wrote one object in ignorance of one another, and have met since. */
async function startApart(nodeIds: readonly string[]) {
  const cluster = await TestCluster.start(nodeIds, { config });
  for (const a of nodeIds) for (const b of nodeIds) if (a < b) cluster.network.cut(a, b);
  for (const node of cluster.nodes) await put(node, `of ${node.nodeId}`);
  cluster.network.heal();
  await cluster.settled();
  return cluster;
}

describe('the strategy multi-primary-siblings', { timeout: 30_000 }, () => {
  it('keeps what was written concurrently, on every node, and shows the latest to others', async () => {
    await using cluster = await startApart(['a', 'b', 'c']);
    for (const node of cluster.nodes) {
      expect(await textsOf(node)).toEqual(['of c', 'of b', 'of a']);
      expect(await node.text('docs', 'k')).toBe('of c');
      expect((await node.objects.get('docs', 'k')).siblingCount).toBe(3);
      expect(node.metric('conflictsDetected')).toBe(2);
      expect(node.metric('conflictsResolved')).toBe(0);
      expect(await node.conflicts()).toEqual([]);
    }
  });

  it('has a write with the context of all siblings replace them, and settles the conflict', async () => {
    await using cluster = await startApart(['a', 'b']);
    const { context } = await siblingsOf(cluster.at(0));
    await put(cluster.at(1), 'merged', context);
    await cluster.settled();
    for (const node of cluster.nodes) {
      expect(await textsOf(node)).toEqual(['merged']);
      expect(node.metric('conflictsResolved')).toBe(1);
      expect(await node.conflicts()).toEqual([]);
    }
  });

  it('keeps what came in since the context was read', async () => {
    await using cluster = await startApart(['a', 'b']);
    const { context } = await siblingsOf(cluster.at(0));
    await put(cluster.at(0), 'meanwhile', context);
    await put(cluster.at(0), 'merged', context);
    await cluster.settled();
    for (const node of cluster.nodes) expect(await textsOf(node)).toEqual(['merged', 'meanwhile']);
  });

  it('has a write without a context replace all that its node has', async () => {
    await using cluster = await startApart(['a', 'b']);
    await put(cluster.at(0), 'all');
    await cluster.settled();
    expect(await textsOf(cluster.at(1))).toEqual(['all']);
  });

  it('keeps a deletion beside a concurrent write, which is still read', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    await put(cluster.at(0), 'first');
    await cluster.settled();
    cluster.network.cut('a', 'b');
    await cluster.at(0).objects.delete('docs', 'k');
    await put(cluster.at(1), 'second');
    cluster.network.heal();
    await cluster.settled();
    for (const node of cluster.nodes) {
      expect(await node.text('docs', 'k')).toBe('second');
      const { siblings } = await siblingsOf(node);
      expect(siblings.map(({ digest }) => digest === undefined)).toEqual([false, true]);
    }
    const { context } = await siblingsOf(cluster.at(0));
    await cluster.at(0).objects.delete('docs', 'k', { context });
    await cluster.settled();
    expect(await cluster.at(1).text('docs', 'k')).toBeUndefined();
  });

  it('shows equal content once, and finds no conflict in it', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    cluster.network.cut('a', 'b');
    for (const node of cluster.nodes) await put(node, 'same');
    cluster.network.heal();
    await cluster.settled();
    for (const node of cluster.nodes) {
      expect(await textsOf(node)).toEqual(['same']);
      expect(node.metric('conflictsDetected')).toBe(0);
    }
  });

  it('refuses a write that would leave too many versions, and takes one that has seen them', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    const [node] = [cluster.at(0)];
    for (const text of ['1', '2', '3', '4']) await put(node, text, '');
    await expect(put(node, '5', '')).rejects.toMatchObject({
      code: 'DW_REPLICATION_TOO_MANY_SIBLINGS',
      details: { siblingCount: 4, maxSiblings: 4 },
    });
    await put(node, 'all', (await siblingsOf(node)).context);
    expect(await textsOf(node)).toEqual(['all']);
  });

  it('refuses a malformed context, and one from too far in the future', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    for (const context of ['x', '1.0@', '1.0@a;2.0@b', `${'1.0@a,'.repeat(500)}1.0@a`]) {
      await expect(put(cluster.at(0), 'x', context)).rejects.toMatchObject({
        code: 'DW_REPLICATION_INVALID_CONTEXT',
      });
    }
    const future = `${Date.now() + 7_200_000}.0@b`;
    await expect(put(cluster.at(0), 'x', future)).rejects.toMatchObject({
      code: 'DW_REPLICATION_CLOCK_DRIFT',
    });
    expect(await cluster.at(0).text('docs', 'k')).toBeUndefined();
  });

  it('is the same over HTTP', async () => {
    await using cluster = await startApart(['a', 'b']);
    const { context: node } = cluster.at(0);
    const url = '/api/v1/objects/docs/k';
    const got = await callRoute(node, 'GET', url);
    expect(got.headers).toMatchObject({ 'dw-siblings': '2' });
    const listed = await callRoute(node, 'GET', `${url}?siblings=true`);
    const { siblings } = listed.json as { siblings: { version: string; writtenBy: string }[] };
    expect(siblings.map(({ writtenBy }) => writtenBy)).toEqual(['b', 'a']);
    const version = encodeURIComponent(siblings[1]?.version ?? '');
    const one = await callRoute(node, 'GET', `${url}?version=${version}`);
    expect(Buffer.from(one.body ?? []).toString()).toBe('of a');
    const headers = { 'dw-context': listed.headers['dw-context'] ?? '' };
    await callRoute(node, 'PUT', url, { body: 'merged', headers });
    expect(await textsOf(cluster.at(0))).toEqual(['merged']);
  });
});
