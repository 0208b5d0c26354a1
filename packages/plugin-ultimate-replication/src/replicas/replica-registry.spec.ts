import { membershipChangedTopic, storePath } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { eventually, TestCluster, type TestNode } from '../testing/test-node.js';
import { replicaChangedTopic } from './replica-topics.js';

const idsOf = async (node: TestNode) => (await node.replicas()).map(({ nodeId }) => nodeId);

describe('ReplicaRegistry', { timeout: 30_000 }, () => {
  it('takes the members at the start, without this node', async () => {
    await using cluster = await TestCluster.start([]);
    const node = await cluster.add({ nodeId: 'a', members: ['c', 'a', 'b'] });
    expect(await idsOf(node)).toEqual(['b', 'c']);
  });

  it('follows joins and removals, and is not confused by repeated or late messages', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const { membership, bus } = cluster.at(0);
    await membership.join('http://c');
    await membership.tell({ action: 'joined', nodeId: 'c' });
    await membership.tell({ action: 'joined', nodeId: 'a' });
    await membership.tell({ action: 'joined', nodeId: 'stranger' });
    await membership.tell({ action: 'removed', nodeId: 'b' });
    await eventually('c', async () => (await idsOf(cluster.at(0))).includes('c'));
    await membership.remove('c');
    await membership.tell({ action: 'joined', nodeId: 'c' });
    await membership.tell({ action: 'removed', nodeId: 'c' });
    await eventually('c to be gone', async () => !(await idsOf(cluster.at(0))).includes('c'));
    expect(await idsOf(cluster.at(0))).toEqual(['b']);
    expect(bus.statistics().every(({ failedCount }) => failedCount === 0)).toBe(true);
  });

  it('does not reset the health of a replica that is said to join again', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await cluster.at(1).kill();
    await eventually('b to be inactive', () => cluster.at(0).metric('replica.b.active') === false);
    await cluster.at(0).membership.tell({ action: 'joined', nodeId: 'b' });
    await cluster.at(0).membership.tell({ action: 'joined', nodeId: 'b' });
    await eventually('the messages to be handled', () =>
      cluster
        .at(0)
        .bus.statistics()
        .every(({ queueDepth }) => queueDepth === 0),
    );
    expect(cluster.at(0).metric('replica.b.active')).toBe(false);
  });

  it('publishes each change between active and inactive', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const changes: unknown[] = [];
    cluster.at(0).bus.subscribe(replicaChangedTopic, ({ data }) => {
      changes.push(data);
    });
    await cluster.at(1).kill();
    await cluster.at(0).put('docs', 'k', 'x');
    await eventually('b to be inactive', () => changes.length === 1);
    await cluster.again(1);
    await eventually('b to be active', () => changes.length === 2);
    expect(changes).toEqual([
      { nodeId: 'b', active: false, consecutiveFailures: 3, reason: expect.any(String) },
      { nodeId: 'b', active: true, consecutiveFailures: 0 },
    ]);
  });

  it('notices within about a second that a replica refuses connections', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], {
      config: { healthIntervalMs: 30_000 },
    });
    await cluster.at(1).kill();
    const startedMs = performance.now();
    await cluster.at(0).put('docs', 'k', 'x');
    await eventually('b to be inactive', () => cluster.at(0).metric('replica.b.active') === false);
    expect(performance.now() - startedMs).toBeLessThan(1_500);
  });

  it('makes one that left in order inactive, and keeps the log for it', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], {
      config: { healthIntervalMs: 30_000 },
    });
    await cluster.at(1).stop();
    await cluster.at(0).bus.publish(membershipChangedTopic, { action: 'left', nodeId: 'b' });
    await eventually('b to be inactive', () => cluster.at(0).metric('replica.b.active') === false);
    await cluster.at(0).put('docs', 'k', 'x');
    expect(cluster.at(0).metric('replica.b.lag')).toBe(1);
    expect(cluster.at(0).metric('walSize')).toBe(1);
  });

  it('releases the log of a removed replica, also of one removed while the node was down', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    await cluster.at(1).kill();
    await cluster.at(2).kill();
    for (let index = 0; index < 5; index += 1) await cluster.at(0).put('docs', `k${index}`, 'x');
    expect(cluster.at(0).metric('walSize')).toBe(5);
    await cluster.at(0).membership.remove('b');
    const offset = storePath('replication', 'offsets', 'b');
    await eventually('b to be gone', async () => !(await cluster.at(0).medium.exists(offset)));
    await cluster.at(0).kill();
    await cluster.again(0, { members: [] });
    await eventually('the log to be released', () => cluster.at(0).metric('walSize') === 0);
    expect(cluster.at(0).metric('replicaCount')).toBe(0);
    expect(cluster.at(0).metric('replica.c.lag')).toBeUndefined();
  });

  it('has a node that was removed and comes back resynchronise', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await cluster.at(0).put('docs', 'k1', 'x');
    await cluster.settled();
    await cluster.at(1).membership.remove('a');
    await cluster.at(0).membership.remove('b');
    await eventually('both to be gone', async () =>
      (await Promise.all(cluster.nodes.map(idsOf))).every((ids) => ids.length === 0),
    );
    await cluster.at(0).put('docs', 'k2', 'while apart');
    await cluster.at(0).membership.join('http://b');
    await cluster.at(1).membership.join('http://a');
    await cluster.settled();
    expect(await cluster.at(1).text('docs', 'k2')).toBe('while apart');
  });
});
