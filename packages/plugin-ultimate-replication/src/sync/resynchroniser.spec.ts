import { storePath, storePrefix } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { decodePeerFrame, encodePeerFrame } from '../queue/peer-frame.js';
import { services, snapshotSchema } from '../queue/peer-messages.js';
import { eventually, TestCluster } from '../testing/test-node.js';

async function fill(cluster: TestCluster, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await cluster.at(0).put('docs', `k${index}`, `value ${index}`);
  }
}

describe('Resynchroniser', { timeout: 30_000 }, () => {
  it('gives a new node all that is there, tombstones among it', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await fill(cluster, 150);
    await cluster.at(0).objects.delete('docs', 'k3');
    await cluster.settled();
    const joined = await cluster.add({ nodeId: 'c', members: ['a', 'b'] });
    await cluster.at(0).membership.join('http://c');
    await cluster.at(1).membership.join('http://c');
    await cluster.settled();
    expect((await joined.objects.list('docs', { limit: 1000 })).objects).toHaveLength(149);
    const tombstone = await joined.store.read(storePath('replication', 'objects', 'docs', 'k3'));
    expect(tombstone).toBeDefined();
  });

  it('fills a node again that comes back with an empty data directory', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await fill(cluster, 20);
    await cluster.at(1).put('docs', 'by b', 'x');
    await cluster.settled();
    await cluster.at(1).kill();
    const empty = await cluster.again(1, { medium: new MemoryBackingStore() });
    await cluster.settled();
    expect((await empty.objects.list('docs')).objects).toHaveLength(21);
    // Its new log is taken up by the other node too.
    await empty.put('docs', 'by b', 'y');
    await cluster.settled();
    expect(await cluster.at(0).text('docs', 'by b')).toBe('y');
  });

  it('brings a replica up that fell behind what the log holds, and says so', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await cluster.at(1).kill();
    const messages: unknown[] = [];
    cluster.at(0).bus.subscribe('dw.replication.>', ({ topic, data }) => {
      messages.push({ topic, data });
    });
    await cluster.at(0).scaling.reconfigureLimitsAsync({}, { settings: { maxLogBytes: 1_000 } });
    await fill(cluster, 40);
    await eventually('the truncation', () => cluster.at(0).metric('truncations') === 1);
    await cluster.again(1);
    await cluster.settled();
    expect((await cluster.at(1).objects.list('docs')).objects).toHaveLength(40);
    expect(cluster.at(1).metric('resynchronisations')).toBe(1);
    expect(messages).toContainEqual({
      topic: 'dw.replication.replica.truncated',
      data: { nodeId: 'b', firstSequence: expect.any(Number) },
    });
  });

  it('follows a log that begins a new epoch', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await fill(cluster, 5);
    await cluster.settled();
    await cluster.at(0).kill();
    const { medium } = cluster.at(0);
    for await (const path of medium.list(storePrefix('replication', 'wal'))) {
      await medium.delete(path);
    }
    await medium.delete(storePath('replication', 'wal'));
    await cluster.again(0);
    await cluster.at(0).put('docs', 'new', 'x');
    await cluster.settled();
    expect(await cluster.at(1).text('docs', 'new')).toBe('x');
    expect((await cluster.at(1).objects.list('docs')).objects).toHaveLength(6);
  });

  it('leaves out what it cannot read, and follows the rest', async () => {
    await using cluster = await TestCluster.start([]);
    const transport = cluster.network.transport('x');
    const log = { epoch: 'epoch-1', tail: 1, head: 2 };
    const event = { v: 1, operation: 'delete', namespace: 'n', key: 'k', strategy: 'asynchronous' };
    const sound = { ...event, version: `${Date.now()}.0@x`, timestampMs: 1 };
    const events = [{ ...sound, operation: 'of a newer release' }, sound];
    transport.handle(services.ping, async () => encodePeerFrame({ v: 1, log }));
    transport.handle(services.snapshot, async () =>
      encodePeerFrame(
        { log },
        events.map((one) => Buffer.from(JSON.stringify(one))),
      ),
    );
    const node = await cluster.add({ nodeId: 'a', members: ['x'] });
    await eventually('a to follow x', async () => (await node.replicas())[0]?.received);
    expect(node.metric('deadLetters')).toBe(1);
    expect(await node.store.read(storePath('replication', 'objects', 'n', 'k'))).toBeDefined();
  });

  it('gives up a listing that never ends', async () => {
    await using cluster = await TestCluster.start([]);
    const transport = cluster.network.transport('x');
    const log = { epoch: 'epoch-1', tail: 1, head: 0 };
    transport.handle(services.ping, async () => encodePeerFrame({ v: 1, log }));
    transport.handle(services.snapshot, async () => encodePeerFrame({ log, next: 'dw://same' }));
    await cluster.add({ nodeId: 'a', members: ['x'] });
    const listings = await eventually('a second attempt', () => {
      const calls = cluster.network.calls.filter(({ service }) => service === services.snapshot);
      return calls.length >= 3 && calls;
    });
    const pages = listings.map(({ body }) => decodePeerFrame(body, snapshotSchema).header.after);
    expect(pages.slice(0, 3)).toEqual([undefined, 'dw://same', undefined]);
  });

  it('heals a damaged record from the other node', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await fill(cluster, 3);
    await cluster.settled();
    const path = storePath('replication', 'objects', 'docs', 'k1');
    await cluster.at(1).medium.write(path, Buffer.from('nonsense'));
    await expect(cluster.at(1).objects.get('docs', 'k1')).rejects.toMatchObject({
      code: 'DW_REPLICATION_RECORD_CORRUPT',
    });
    expect((await cluster.at(1).objects.list('docs')).objects).toHaveLength(2);
    expect(cluster.at(1).metric('damagedRecords')).toBeGreaterThan(0);
    await cluster.at(1).sync.sync({ targetNodeId: 'a', mode: 'online' });
    expect(await cluster.at(1).text('docs', 'k1')).toBe('value 1');
  });
});
