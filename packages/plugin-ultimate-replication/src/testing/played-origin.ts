import { sha256Hex } from '@datawarehouse/sdk';
import { decodePeerFrame, encodePeerFrame } from '../queue/peer-frame.js';
import {
  type ApplyAnswer,
  type ApplyHeader,
  applyAnswerSchema,
  services,
} from '../queue/peer-messages.js';
import { eventually, TestCluster, type TestNodeOptions } from './test-node.js';

/** A node that follows the log of `x`, which is played by the test. */
export async function startFollower(options: Partial<TestNodeOptions> = {}) {
  const cluster = await TestCluster.start([]);
  const transport = cluster.network.transport('x');
  const log = { epoch: 'epoch-1', tail: 1, head: 0 };
  transport.handle(services.ping, async () => encodePeerFrame({ v: 1, log }));
  transport.handle(services.snapshot, async () => encodePeerFrame({ log }));
  transport.handle(services.apply, async () => {
    return encodePeerFrame({ status: 'resynchronising', refused: [] });
  });
  const node = await cluster.add({ nodeId: 'a', members: ['x'], ...options });
  await eventually('a to follow x', async () => (await node.replicas())[0]?.received);
  const apply = async (
    events: readonly Uint8Array[],
    changes: Partial<ApplyHeader> = {},
    chunks: readonly Uint8Array[] = [],
  ): Promise<ApplyAnswer> => {
    const from = changes.from ?? 1;
    const header = {
      ...{ v: 1, origin: 'x', from, eventCount: events.length, chunks: [] },
      log: { epoch: 'epoch-1', tail: 1, head: from + events.length - 1 },
      ...changes,
    };
    const body = encodePeerFrame(header, [...events, ...chunks]);
    const answer = await transport.call('a', services.apply, body);
    return decodePeerFrame(answer, applyAnswerSchema).header;
  };
  const dispose = () => cluster[Symbol.asyncDispose]();
  return { node, transport, apply, [Symbol.asyncDispose]: dispose };
}

/** An event of `x`: a deletion, unless `changes` say otherwise. */
export function event(changes: Readonly<Record<string, unknown>>): Uint8Array {
  const fields = {
    ...{ v: 1, operation: 'delete', namespace: 'n', key: 'k', strategy: 'asynchronous' },
    ...{ version: `${Date.now()}.0@x`, timestampMs: 1 },
    ...changes,
  };
  return Buffer.from(JSON.stringify(fields));
}

export const content: Uint8Array = Buffer.from('content');
export const digest: string = sha256Hex(content);
export const payload = { digest: `sha256:${digest}`, sizeBytes: content.length };
