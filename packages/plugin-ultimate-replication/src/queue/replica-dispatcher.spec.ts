import type { IPersistentBackingStore } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import type { CallFate, NetworkCall } from '../testing/memory-network.js';
import { eventually, TestCluster } from '../testing/test-node.js';
import { unpackFrame } from './frame-compression.js';
import { decodePeerFrame, encodePeerFrame } from './peer-frame.js';
import { applySchema, services } from './peer-messages.js';

/** The same numbers on every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe('ReplicaDispatcher', { timeout: 30_000 }, () => {
  it('delivers everything over a network that loses, repeats and delays calls', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    const random = randomFrom(7);
    const fates: readonly CallFate[] = ['lost', 'answerLost', 'deliveredTwice'];
    cluster.network.fateOf = () =>
      random() < 0.3 ? (fates[Math.floor(random() * 3)] ?? 'lost') : 'delivered';
    cluster.network.delayOf = () =>
      new Promise((resolve) => setTimeout(resolve, Math.floor(random() * 4)));
    for (let index = 0; index < 60; index += 1) {
      await cluster.at(index % 3).put('load', `k${index % 20}`, `value ${index}`);
    }
    cluster.network.heal();
    await cluster.settled(20_000);
    const lists = await Promise.all(
      cluster.nodes.map(async ({ objects }) => (await objects.list('load')).objects),
    );
    expect(lists[0]).toHaveLength(20);
    expect(lists[1]).toEqual(lists[0]);
    expect(lists[2]).toEqual(lists[0]);
  });

  it('sends small contents along, and fetches of large ones only the chunks that lack', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const large = Buffer.alloc(1_000_000, 'x');
    for (let at = 0; at < large.length; at += 1000) large.writeUInt32BE(at, at);
    await cluster.at(0).put('docs', 'large', large);
    await cluster.settled();
    cluster.network.calls.length = 0;
    await cluster.at(0).put('docs', 'small', 'x');
    const changed = Buffer.from(large);
    changed[500_000] = 0x79;
    await cluster.at(0).put('docs', 'large', changed);
    await cluster.settled();
    const fetches = cluster.network.calls.filter(({ service }) => service === services.chunks);
    expect(fetches).toHaveLength(1);
    expect(
      Buffer.from(fetches[0]?.body ?? [])
        .toString()
        .match(/[0-9a-f]{64}/g),
    ).toHaveLength(1);
  });

  it('holds back nobody while one replica is dead', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    await cluster.at(2).kill();
    for (let index = 0; index < 20; index += 1) await cluster.at(0).put('load', `k${index}`, 'x');
    await cluster.settled();
    expect(await cluster.at(1).text('load', 'k19')).toBe('x');
    const states = await cluster.at(0).replicas();
    expect(states.find(({ nodeId }) => nodeId === 'c')?.lag).toBe(20);
  });

  it('does not wait for an answer that a broken connection will never bring', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    cluster.network.calls.length = 0;
    cluster.network.delayOf = async ({ service }) => {
      if (service === services.apply) await new Promise(() => undefined);
    };
    await cluster.at(0).put('load', 'k', 'x');
    await eventually('the call', () =>
      cluster.network.calls.some(({ from, service }) => from === 'a' && service === services.apply),
    );
    cluster.network.cut('a', 'b');
    await eventually('b to be inactive', () => cluster.at(0).metric('replica.b.active') === false);
    cluster.network.heal();
    await cluster.settled();
    expect(await cluster.at(1).text('load', 'k')).toBe('x');
  });

  it('has a bounded number of batches under way, and sends each once', async () => {
    await using held = await startHeld(40);
    const { cluster, arrived, release } = held;
    await eventually('four batches', () => arrived.length === 4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(arrived).toHaveLength(4);
    release();
    await cluster.settled();
    expect(cluster.at(1).metric('remoteEventsApplied')).toBe(40);
    expect(cluster.at(0).metric('totalReplicatedEvents')).toBe(40);
    expect(arrived).toEqual([...new Set(arrived)]);
  });

  it('sends nothing again because a batch has overtaken another', async () => {
    await using held = await startHeld(40);
    const { cluster, arrived, release } = held;
    await eventually('four batches', () => arrived.length === 4);
    release((from) => from !== arrived[0]);
    await eventually('the others', () => held.passedCount() === 3);
    expect(cluster.at(1).metric('remoteEventsApplied')).toBe(0);
    release();
    await cluster.settled();
    expect(cluster.at(1).metric('remoteEventsApplied')).toBe(40);
    expect(arrived).toEqual([...new Set(arrived)]);
  });

  it('sends everything behind a lost batch again, and nothing is applied twice', async () => {
    let callCount = 0;
    await using held = await startHeld(40, ({ from, service }) => {
      callCount += from === 'a' && service === services.apply ? 1 : 0;
      return callCount === 2 ? 'lost' : 'delivered';
    });
    const { cluster, arrived, release } = held;
    await eventually('four batches', () => arrived.length === 4);
    release();
    await cluster.settled();
    expect(cluster.at(1).metric('remoteEventsApplied')).toBe(40);
    expect((await cluster.at(1).objects.list('load')).objects).toHaveLength(40);
  });

  it.each([
    ['another epoch', () => ({ status: 'applied', position: { epoch: 'other', sequence: 1 } })],
    [
      'more than there is',
      (epoch: string) => ({ status: 'applied', position: { epoch, sequence: 9 } }),
    ],
    [
      'less than was sent',
      (epoch: string) => ({ status: 'applied', position: { epoch, sequence: 0 } }),
    ],
    [
      'what it was just sent',
      (epoch: string) => ({ status: 'expects', position: { epoch, sequence: 0 } }),
    ],
    ['no position', () => ({ status: 'applied' })],
    ['no answer that is known', () => ({ status: 'perfect' })],
  ])('believes no replica that claims %s', async (_, lie) => {
    await using cluster = await TestCluster.start([]);
    const transport = cluster.network.transport('x');
    const log = { epoch: 'epoch-1', tail: 1, head: 0 };
    transport.handle(services.ping, async () => encodePeerFrame({ v: 1, log }));
    transport.handle(services.snapshot, async () => encodePeerFrame({ log }));
    let lieCount = 0;
    let isHonest = false;
    transport.handle(services.apply, async ({ body }) => {
      const { header } = decodePeerFrame(await unpackFrame(body), applySchema);
      const { epoch } = header.log;
      const position = { epoch, sequence: header.from + header.eventCount - 1 };
      if (isHonest || header.eventCount === 0)
        return encodePeerFrame({ status: 'applied', position });
      lieCount += 1;
      return encodePeerFrame(lie(epoch));
    });
    const node = await cluster.add({ nodeId: 'a', members: ['x'] });
    await node.put('docs', 'k', 'x');
    await eventually('two lies', () => lieCount >= 2);
    expect(node.metric('totalReplicatedEvents')).toBe(0);
    expect(node.metric('replica.x.lag')).toBe(1);
    isHonest = true;
    await eventually('the truth', () => node.metric('replica.x.lag') === 0);
  });

  it('goes back where a replica has less than it confirmed', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    await cluster.at(0).put('load', 'k1', 'one');
    await cluster.settled();
    // Holds a's log, which would otherwise be trimmed.
    cluster.network.cut('a', 'c');
    const backup = await copyOf(cluster.at(1).medium);
    await cluster.at(0).put('load', 'k2', 'two');
    await eventually('b to confirm', async () => {
      return (await cluster.at(0).replicas()).find(({ nodeId }) => nodeId === 'b')?.lag === 0;
    });
    await cluster.at(1).kill();
    const restored = await cluster.again(1, { medium: backup });
    await eventually('what the backup had not', () => restored.text('load', 'k2'));
    expect(restored.metric('resynchronisations')).toBe(0);
  });
});

/** Sequence of the first event of a batch. */
async function fromOf(body: Uint8Array): Promise<number> {
  return decodePeerFrame(await unpackFrame(body), applySchema).header.from;
}

/** A node with small batches and something to send, whose batches wait until they are released. */
async function startHeld(
  eventCount: number,
  fateOf: (call: NetworkCall) => CallFate = () => 'delivered',
) {
  const cluster = await TestCluster.start(['a', 'b']);
  await cluster.at(0).scaling.reconfigureLimitsAsync({ maxMemoryBytes: 131_072 });
  const arrived: number[] = [];
  const waiting = new Map<number, () => void>();
  let passedCount = 0;
  let isOpen = false;
  cluster.network.fateOf = fateOf;
  cluster.network.delayOf = async ({ from, service, body }) => {
    if (service !== services.apply || from !== 'a') return;
    const sequence = await fromOf(body);
    arrived.push(sequence);
    if (isOpen) return;
    await new Promise<void>((resolve) => waiting.set(sequence, resolve));
    passedCount += 1;
  };
  const names = Array.from({ length: eventCount }, (_, index) => `k${index}`);
  await Promise.all(names.map((name) => cluster.at(0).put('load', name, 'x')));
  return {
    cluster,
    arrived,
    passedCount: () => passedCount,
    /** Lets batches through: some, or all from now on. */
    release: (which?: (from: number) => boolean) => {
      isOpen = which === undefined;
      for (const [sequence, pass] of waiting) if (which?.(sequence) ?? true) pass();
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function copyOf(medium: IPersistentBackingStore): Promise<MemoryBackingStore> {
  const copy = new MemoryBackingStore();
  for await (const { path, data } of medium.scan('dw://')) await copy.write(path, data);
  return copy;
}
