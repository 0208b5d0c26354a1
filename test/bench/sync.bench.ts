import { type BenchRow, boundedRow, runBenchmark } from './support/benchmark.js';
import { loadBuilt } from './support/peer.js';

interface Node {
  put(namespace: string, key: string, text: string): Promise<unknown>;
  readonly sync: {
    sync(request: {
      readonly targetNodeId: string;
      readonly mode: 'online';
    }): Promise<{ readonly success: boolean; readonly itemsSynced: number }>;
  };
}
interface Call {
  readonly service: string;
  readonly body: Uint8Array;
}
interface Cluster extends AsyncDisposable {
  readonly network: {
    fateOf: (call: Call) => 'lost' | 'delivered';
    onDidAnswer: (call: Call, answer: Uint8Array) => void;
  };
  add(options: object): Promise<Node>;
  settled(limitMs: number): Promise<void>;
}

const base = 'plugin-ultimate-replication/dist';
const { TestCluster } = await loadBuilt<{ readonly TestCluster: new () => Cluster }>(
  `${base}/testing/test-node.js`,
);
const { manyRecords, mediumWith } = await loadBuilt<{
  readonly manyRecords: (count: number) => Iterable<unknown>;
  readonly mediumWith: (records: Iterable<unknown>) => Promise<object>;
}>(`${base}/testing/many-records.js`);
const { encodeEvent } = await loadBuilt<{
  readonly encodeEvent: (record: unknown) => Uint8Array;
}>(`${base}/queue/replication-event.js`);

const objectCount = 1_000_000;
const differingCount = 10;

function listingBytes(): number {
  let sum = 0;
  for (const record of manyRecords(objectCount)) sum += encodeEvent(record).byteLength;
  return sum;
}

/** Two nodes that hold the same million objects, and whose logs do not reach one another. */
async function startApart(cluster: Cluster): Promise<readonly Node[]> {
  const nodes: Node[] = [];
  for (const [nodeId, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    const medium = await mediumWith(manyRecords(objectCount));
    nodes.push(await cluster.add({ nodeId, members: [other], medium }));
  }
  await cluster.settled(600_000);
  cluster.network.fateOf = ({ service }) =>
    service === 'replication.apply' ? 'lost' : 'delivered';
  return nodes;
}

async function measure(): Promise<readonly BenchRow[]> {
  const startedMs = performance.now();
  await using cluster = new TestCluster();
  const nodes = await startApart(cluster);
  const builtMs = performance.now() - startedMs;
  let sum = 0;
  cluster.network.onDidAnswer = ({ service, body }, answer) => {
    if (service !== 'replication.ping') sum += body.byteLength + answer.byteLength;
  };
  for (let index = 0; index < differingCount; index += 1) {
    await nodes[index % 2]?.put('docs', `k${index * 99_991}`, 'x');
  }
  const exchange = async (expected: number) => {
    sum = 0;
    const startMs = performance.now();
    const result = await nodes[0]?.sync.sync({ targetNodeId: 'b', mode: 'online' });
    if (result?.itemsSynced !== expected) throw new Error('The nodes did not end equal');
    return { bytes: sum, ms: performance.now() - startMs };
  };
  const differing = await exchange(differingCount);
  const equal = await exchange(0);
  const whole = listingBytes();
  return [
    { name: `a listing of ${objectCount} objects`, value: whole, unit: 'B' },
    boundedRow(
      {
        ...{ name: `${differingCount} that differ: bytes both ways`, unit: 'B' },
        value: differing.bytes,
        note: `${((100 * differing.bytes) / whole).toFixed(4)} % of the listing`,
      },
      whole / 100,
    ),
    { name: `${differingCount} that differ: time`, value: differing.ms, unit: 'ms' },
    { name: 'none differs: bytes both ways', value: equal.bytes, unit: 'B' },
    { name: 'none differs: time', value: equal.ms, unit: 'ms' },
    { name: 'filling, and the first trees of both', value: builtMs, unit: 'ms' },
  ];
}

await runBenchmark({ name: 'sync', measure });
