import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestServices } from '../sync/digest-messages.js';
import { content, digest, event, payload, startFollower } from '../testing/played-origin.js';
import type { TestNode } from '../testing/test-node.js';
import { encodePeerFrame } from './peer-frame.js';
import { services } from './peer-messages.js';

const refused = (code: string) =>
  expect.objectContaining({
    code: 'DW_PEER_REFUSED',
    details: { remote: expect.objectContaining({ code }) },
  });

/** Everything that the node keeps, to show that nothing changed. */
async function stateOf(node: TestNode): Promise<ReadonlyMap<string, string>> {
  const state = new Map<string, string>();
  for await (const { path, data } of node.medium.scan('dw://')) {
    state.set(path, Buffer.from(data).toString('base64'));
  }
  return state;
}

/** A sound message to each service, to be spoilt. */
const sound: Readonly<Record<string, unknown>> = {
  [services.apply]: {
    ...{ v: 1, origin: 'x', from: 1, eventCount: 1, chunks: [] },
    log: { epoch: 'epoch-1', tail: 1, head: 1 },
  },
  [services.ping]: { v: 1, log: { epoch: 'epoch-1', tail: 1, head: 0 } },
  [services.chunks]: { digests: [digest] },
  [services.chunkList]: { payload, offset: 0 },
  [services.current]: { namespace: 'n', key: 'k' },
  [services.snapshot]: { after: 'dw://replication/objects/' },
  [digestServices.roots]: { dataSetFilter: 'n' },
  [digestServices.children]: { namespace: 'n', prefixes: ['', 'a'] },
  [digestServices.leaves]: { namespace: 'n', prefixes: ['0f'] },
  [digestServices.records]: { namespace: 'n', keys: ['k'] },
  [digestServices.fetch]: { namespace: 'n', keys: ['k'] },
  [digestServices.place]: { timeMs: 1 },
  [services.forget]: { nodeId: 'y' },
};

const lies: readonly (readonly [string, string, object])[] = [
  ['a gap that it calls the end', services.apply, { log: { epoch: 'e', tail: 1, head: 0 } }],
  ['a log that ends before it begins', services.apply, { log: { epoch: 'e', tail: 9, head: 1 } }],
  ['a sequence of 0', services.apply, { from: 0 }],
  ['a sequence that is no whole number', services.apply, { from: 1.5 }],
  ['a sequence beyond all numbers', services.apply, { from: 2 ** 53 }],
  ['more events than there are', services.apply, { eventCount: 2 }],
  ['fewer events than there are', services.apply, { eventCount: 0 }],
  ['too many events', services.apply, { eventCount: 1_001 }],
  ['chunks that are not there', services.apply, { chunks: [digest] }],
  ['a digest that is none', services.apply, { chunks: ['../../secret'] }],
  ['a log without an epoch', services.ping, { log: { epoch: '', tail: 1, head: 0 } }],
  ['an endless epoch', services.ping, { log: { epoch: 'e'.repeat(65), tail: 1, head: 0 } }],
  ['a position before the log', services.ping, { position: { epoch: 'e', sequence: -1 } }],
  ['a version of the protocol', services.ping, { v: 2 }],
  ['too many digests', services.chunks, { digests: Array.from({ length: 65 }, () => digest) }],
  ['a negative place in a list', services.chunkList, { offset: -1 }],
  ['an empty name', services.current, { key: '' }],
  ['a name of 1025 bytes', services.current, { key: 'k'.repeat(1_025) }],
  ['a name with half a character', services.current, { namespace: '\ud800' }],
  ['a node id that is none', services.forget, { nodeId: '../etc' }],
];

describe('a node among hostile ones', { timeout: 60_000 }, () => {
  it.each(Object.entries(sound))('refuses spoilt messages to %s', async (service, header) => {
    await using started = await startFollower();
    const { node, transport } = started;
    const before = await stateOf(node);
    const whole = encodePeerFrame(header, service === services.apply ? [event({})] : []);
    const bomb = deflateRawSync(Buffer.alloc(1_000_000));
    const longer = Buffer.from(whole);
    longer.writeUInt32BE(longer.readUInt32BE(0) + 1_000_000, 0);
    const spoilt = [
      Buffer.alloc(0),
      whole.subarray(0, 3),
      whole.subarray(0, whole.length >> 1),
      whole.subarray(0, -1),
      Buffer.concat([whole, Buffer.from('x')]),
      longer,
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      encodePeerFrame(null),
      encodePeerFrame({ encoding: 'deflate-raw', sizeBytes: 1_000 }, [bomb]),
      encodePeerFrame({ encoding: 'deflate-raw', sizeBytes: 2 ** 30 }, [bomb]),
    ];
    for (const body of spoilt) {
      await expect(transport.call('a', service, body)).rejects.toEqual(
        refused('DW_REPLICATION_INVALID_MESSAGE'),
      );
    }
    expect(node.metric('refusedMessages')).toBe(spoilt.length);
    expect(await stateOf(node)).toEqual(before);
  });

  it('refuses a peer that lies about sequence, epoch or contents', async () => {
    await using started = await startFollower();
    const { node, transport } = started;
    const before = await stateOf(node);
    for (const [what, service, changes] of lies) {
      const header = { ...(sound[service] as object), ...changes };
      const body = encodePeerFrame(header, service === services.apply ? [event({})] : []);
      await expect(transport.call('a', service, body), what).rejects.toEqual(
        refused('DW_REPLICATION_INVALID_MESSAGE'),
      );
    }
    expect(node.metric('refusedMessages')).toBe(lies.length);
    expect(await stateOf(node)).toEqual(before);
  });

  it('refuses a peer that speaks for another', async () => {
    await using started = await startFollower();
    const { node, apply } = started;
    const before = await stateOf(node);
    await expect(apply([event({})], { origin: 'y' })).rejects.toEqual(
      refused('DW_REPLICATION_ORIGIN_MISMATCH'),
    );
    expect(node.metric('refusedMessages')).toBe(1);
    expect(await stateOf(node)).toEqual(before);
    const answer = await apply([event({ version: `${Date.now()}.0@y` })]);
    expect(answer.refused).toEqual([{ sequence: 1, code: 'DW_REPLICATION_INVALID_EVENT' }]);
    expect(node.metric('deadLetters')).toBe(1);
    expect((await node.objects.namespaces()).namespaces).toEqual([]);
  });

  it('knows no services but its own', async () => {
    await using started = await startFollower();
    const { node, transport } = started;
    const before = await stateOf(node);
    await expect(
      transport.call('a', 'replication.format-disk', encodePeerFrame({})),
    ).rejects.toMatchObject({ code: 'DW_PEER_UNKNOWN_SERVICE' });
    expect(await stateOf(node)).toEqual(before);
  });

  it('takes names of any Unicode up to 1 KiB, and puts others aside', async () => {
    await using started = await startFollower();
    const { node, apply } = started;
    const good = ['\u0000', '..', '.', '/', 'a//b', '%2F', '\u202e', '\uffff', '😀', 'e\u0301'];
    good.push('k'.repeat(1_024), '😀'.repeat(256), 'é', '\r\n', '"\\', '__proto__', 'n');
    const put = (name: string) => event({ operation: 'put', payload, namespace: name, key: name });
    const bad = ['', 'k'.repeat(1_025), '😀'.repeat(257), '\udc00', 'x\ud800y'];
    const answer = await apply([...good, ...bad].map(put), { chunks: [digest] }, [content]);
    expect(answer.refused).toEqual(
      bad.map((_, index) => ({
        sequence: good.length + index + 1,
        code: 'DW_REPLICATION_INVALID_EVENT',
      })),
    );
    expect(node.metric('deadLetters')).toBe(bad.length);
    for (const name of good) expect(await node.text(name, name)).toBe('content');
    expect((await node.objects.namespaces()).namespaces).toHaveLength(good.length);
  });

  it('puts oversized events and unknown operations aside', async () => {
    await using started = await startFollower();
    const { node, apply } = started;
    const events = [
      event({ padding: 'x'.repeat(70_000) }),
      Buffer.alloc(5_000_000, '['),
      event({ operation: 'explode' }),
      event({ operation: 'put' }),
      event({ operation: 'delete', payload }),
    ];
    const answer = await apply(events);
    expect(answer.refused.map(({ code }) => code)).toEqual(
      events.map(() => 'DW_REPLICATION_INVALID_EVENT'),
    );
    expect(node.metric('deadLetters')).toBe(events.length);
    expect(node.metric('remoteEventsApplied')).toBe(0);
  });
});
