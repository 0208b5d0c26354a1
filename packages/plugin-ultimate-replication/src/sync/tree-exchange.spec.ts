import { describe, expect, it } from 'vitest';
import { encodePeerFrame } from '../queue/peer-frame.js';
import { services } from '../queue/peer-messages.js';
import { encodeEvent } from '../queue/replication-event.js';
import { manyRecords, mediumWith } from '../testing/many-records.js';
import { TestCluster } from '../testing/test-node.js';
import { digestServices } from './digest-messages.js';
import { NODE_BYTES } from './digest-tree.js';
import { DIGEST_BYTES } from './record-digest.js';

const online = { targetNodeId: 'b', mode: 'online' } as const;

/** Two nodes that hold the same, but whose logs do not reach one another. */
async function startApart(objectCount: number, config = {}): Promise<TestCluster> {
  const cluster = new TestCluster();
  for (const [nodeId, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const medium = await mediumWith(manyRecords(objectCount));
    await cluster.add({ nodeId, members: [other], medium, config });
  }
  await cluster.settled();
  cluster.network.fateOf = ({ service }) => (service === services.apply ? 'lost' : 'delivered');
  return cluster;
}

/** Bytes of all calls and answers of the exchange. */
function countBytes(cluster: TestCluster): () => number {
  const known: ReadonlySet<string> = new Set(Object.values(digestServices));
  let sum = 0;
  cluster.network.onDidAnswer = ({ service, body }, answer) => {
    if (known.has(service)) sum += body.byteLength + answer.byteLength;
  };
  return () => sum;
}

describe('TreeExchange', { timeout: 60_000 }, () => {
  it('finds 10 of 20 000 objects that differ with under 1 % of the bytes of a listing', async () => {
    const objectCount = 20_000;
    await using cluster = await startApart(objectCount);
    let listingBytes = 0;
    for (const record of manyRecords(objectCount)) listingBytes += encodeEvent(record).byteLength;
    for (let index = 0; index < 5; index += 1) {
      await cluster.at(0).put('docs', `k${index * 3_001}`, 'x');
      await cluster.at(1).put('docs', `k${index * 3_001 + 1}`, 'y');
    }
    const bytes = countBytes(cluster);
    const result = await cluster.at(0).sync.sync(online);
    expect(result).toMatchObject({ success: true, itemsSynced: 10, conflictsDetected: 0 });
    expect(bytes()).toBeLessThan(listingBytes / 100);
    const before = bytes();
    expect(await cluster.at(0).sync.sync(online)).toMatchObject({ itemsSynced: 0 });
    expect(bytes() - before).toBeLessThan(500);
    expect(await cluster.at(0).text('docs', 'k3002')).toBe('y');
    expect(await cluster.at(1).text('docs', 'k3001')).toBe('x');
  });

  it('gives and takes whole namespaces, and the one that differs in nearly everything', async () => {
    await using cluster = await startApart(300);
    for (let index = 0; index < 300; index += 1) {
      await cluster.at(0).put('of a', `k${index}`, 'x');
      await cluster.at(1).put('of b/below', `k${index}`, 'y');
      await cluster.at(index % 2).put('docs', `k${index}`, 'z');
    }
    const progress: number[] = [];
    const { sync } = cluster.at(0);
    cluster.network.onDidAnswer = () => progress.push(sync.status('b').progress);
    const result = await sync.sync(online);
    expect(result).toMatchObject({ success: true, itemsSynced: 900 });
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(new Set(progress).size).toBeGreaterThan(2);
    for (const node of cluster.nodes) {
      expect((await node.objects.list('of a', { limit: 1_000 })).objects).toHaveLength(300);
      expect((await node.objects.list('of b/below', { limit: 1_000 })).objects).toHaveLength(300);
      expect((await node.objects.list('docs', { limit: 1_000 })).objects).toHaveLength(300);
    }
  });

  it('never tells of what may not leave', async () => {
    const routes = [{ pattern: 'private/**', strategy: 'local-only' }];
    await using cluster = await startApart(0, { routes });
    await cluster.at(0).put('private/me', 'k', 'secret');
    await cluster.at(0).put('docs', 'k', 'x');
    expect((await cluster.at(0).sync.sync(online)).itemsSynced).toBe(1);
    expect((await cluster.at(1).objects.namespaces()).namespaces).toEqual(['docs']);
    const told = cluster.network.calls.some(({ body }) => Buffer.from(body).includes('private'));
    expect(told).toBe(false);
  });
});

describe('a peer that lies', { timeout: 30_000 }, () => {
  const log = { epoch: 'epoch-1', tail: 1, head: 0 };
  const node = (count: number, fill: number) => {
    const data = Buffer.alloc(NODE_BYTES, fill);
    data.writeUInt32BE(count, 0);
    return data;
  };
  const event = (namespace: string, key: string) =>
    Buffer.from(
      JSON.stringify({
        ...{ v: 1, operation: 'delete', namespace, key, strategy: 'asynchronous' },
        ...{ version: `${Date.now()}.0@x`, timestampMs: 1 },
      }),
    );

  /** A node `a`, and a member `x` whose answers a test makes up. */
  async function startWithLiar(
    answers: Partial<Record<keyof typeof digestServices, () => Uint8Array>>,
  ) {
    const cluster = new TestCluster();
    const transport = cluster.network.transport('x');
    transport.handle(services.ping, async () => encodePeerFrame({ v: 1, log }));
    transport.handle(services.snapshot, async () => encodePeerFrame({ log }));
    for (const name of Object.keys(digestServices) as (keyof typeof digestServices)[]) {
      transport.handle(digestServices[name], async () =>
        (answers[name] ?? (() => encodePeerFrame({})))(),
      );
    }
    const honest = await cluster.add({ nodeId: 'a', members: ['x'] });
    await honest.put('docs', 'mine', 'x');
    const sync = async () => {
      const result = await honest.sync.sync({ targetNodeId: 'x', mode: 'online' });
      return result.error?.code ?? 'success';
    };
    return { sync, honest, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
  }

  const roots = (namespaces: readonly string[], more: object = {}, nodes?: Uint8Array) =>
    encodePeerFrame({ log, namespaces, ...more }, [
      nodes ?? Buffer.concat(namespaces.map(() => node(3, 7))),
    ]);
  const leaves = (keys: readonly string[], more: object = {}, digests?: Uint8Array) =>
    encodePeerFrame({ keys, ...more }, [digests ?? Buffer.alloc(keys.length * DIGEST_BYTES, 1)]);
  let turn = 0;

  it.each([
    ['namespaces that go in circles', { roots: () => roots(['b', 'a']) }],
    ['a page of namespaces that leads to itself', { roots: () => roots([], { next: 'a' }) }],
    ['fewer digests than namespaces', { roots: () => roots(['a'], {}, Buffer.alloc(3)) }],
    ['no namespaces at all', { roots: () => encodePeerFrame({}) }],
    ['a name that is none', { roots: () => roots(['']) }],
    [
      'children of a wrong length',
      {
        roots: () => roots(['docs'], {}, node(9_999, 1)),
        children: () => encodePeerFrame({}, [Buffer.alloc(5)]),
      },
    ],
    [
      'children of other nodes',
      { roots: () => roots(['docs'], {}, node(9_999, 1)), children: () => encodePeerFrame({}) },
    ],
    [
      'objects that go in circles',
      { roots: () => roots(['docs']), leaves: () => leaves(['b', 'a']) },
    ],
    [
      'a listing that never ends',
      { roots: () => roots(['docs']), leaves: () => leaves(['a'], { next: 'a' }) },
    ],
    [
      'more objects than it said to have',
      {
        roots: () => roots(['docs']),
        leaves: () => {
          turn += 1;
          const keys = Array.from(
            { length: 1_000 },
            (_, index) => `k${String(turn * 1_000 + index).padStart(9, '0')}`,
          );
          return leaves(keys, { next: keys.at(-1) });
        },
        records: () => encodePeerFrame({ doneCount: 256 }),
        fetch: () => encodePeerFrame({ changedCount: 0, conflictCount: 0, refusedCount: 0 }),
      },
    ],
    [
      'objects that it was not asked for',
      {
        roots: () => roots(['docs']),
        leaves: () => leaves(['k']),
        records: () => encodePeerFrame({ doneCount: 1 }, [event('docs', 'other')]),
      },
    ],
    [
      'objects of another namespace',
      {
        roots: () => roots(['docs']),
        leaves: () => leaves(['k']),
        records: () => encodePeerFrame({ doneCount: 1 }, [event('other', 'k')]),
      },
    ],
    [
      'nothing done',
      {
        roots: () => roots(['docs']),
        leaves: () => leaves(['k']),
        records: () => encodePeerFrame({ doneCount: 0 }),
      },
    ],
  ])('is refused: %s', async (_, answers) => {
    await using started = await startWithLiar(answers);
    expect(await started.sync()).toBe('DW_REPLICATION_INVALID_MESSAGE');
    expect((await started.honest.objects.list('docs')).objects.map(({ key }) => key)).toEqual([
      'mine',
    ]);
    expect((await started.honest.objects.namespaces()).namespaces).toEqual(['docs']);
  });

  it('is told what it got wrong in the same way', async () => {
    await using cluster = await startApart(1);
    const transport = cluster.network.transport('x');
    for (const service of Object.values(digestServices)) {
      for (const body of [
        Buffer.alloc(0),
        Buffer.from('nonsense'),
        encodePeerFrame({ namespace: 'docs', prefixes: ['xyz'], keys: [], dataSetFilter: 1 }),
        encodePeerFrame({ namespace: '', prefixes: [''], keys: ['k'], after: '' }),
      ]) {
        await expect(transport.call('a', service, body)).rejects.toMatchObject({
          details: { remote: { code: 'DW_REPLICATION_INVALID_MESSAGE' } },
        });
      }
    }
  });
});
