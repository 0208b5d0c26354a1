import { contentError, peerError, storePrefix } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { content, digest, event, payload, startFollower } from '../testing/played-origin.js';
import { encodePeerFrame } from './peer-frame.js';
import { services } from './peer-messages.js';

describe('EventReceiver', { timeout: 30_000 }, () => {
  it('applies events in order and each once, and answers with its position', async () => {
    await using started = await startFollower();
    const { node, apply } = started;
    const put = event({ operation: 'put', payload });
    const first = await apply([put], { chunks: [digest] }, [content]);
    expect(first).toEqual({
      status: 'applied',
      position: { epoch: 'epoch-1', sequence: 1 },
      refused: [],
    });
    expect(await node.text('n', 'k')).toBe('content');
    expect(await apply([put], { chunks: [digest] }, [content])).toEqual(first);
    expect(node.metric('remoteEventsApplied')).toBe(1);
    const overlap = await apply([put, event({ key: 'other' })], { chunks: [digest] }, [content]);
    expect(overlap.position?.sequence).toBe(2);
    expect(node.metric('remoteEventsApplied')).toBe(2);
  });

  it('says again what it refused when it is asked again', async () => {
    await using started = await startFollower();
    const { apply } = started;
    const poison = [event({}), Buffer.from('nonsense'), Buffer.from('more of it')];
    const first = await apply(poison);
    expect(first.refused).toHaveLength(2);
    expect(await apply(poison)).toEqual(first);
    const overlap = await apply([...poison.slice(2), Buffer.from('and more')], { from: 3 });
    expect(overlap.refused.map(({ sequence }) => sequence)).toEqual([3, 4]);
  });

  it('refuses a gap, and says what it expects', async () => {
    await using started = await startFollower();
    const { node, apply } = started;
    expect(await apply([event({})], { from: 2 })).toEqual({
      status: 'expects',
      position: { epoch: 'epoch-1', sequence: 0 },
      refused: [],
    });
    expect(node.metric('remoteEventsApplied')).toBe(0);
  });

  it('refuses events in the name of another node, and malformed messages', async () => {
    await using started = await startFollower();
    const { apply, transport } = started;
    const refused = (code: string) =>
      expect.objectContaining({ details: { remote: expect.objectContaining({ code }) } });
    await expect(apply([event({})], { origin: 'y' })).rejects.toEqual(
      refused('DW_REPLICATION_ORIGIN_MISMATCH'),
    );
    await expect(apply([event({})], { eventCount: 2 })).rejects.toEqual(
      refused('DW_REPLICATION_INVALID_MESSAGE'),
    );
    for (const body of [Buffer.alloc(0), Buffer.from('nonsense'), encodePeerFrame({})]) {
      for (const service of Object.values(services)) {
        if (service === services.snapshot) continue;
        await expect(transport.call('a', service, body)).rejects.toEqual(
          refused('DW_REPLICATION_INVALID_MESSAGE'),
        );
      }
    }
  });

  it('puts what it cannot apply among the dead letters with the reason, and goes on', async () => {
    await using started = await startFollower();
    const { node, apply } = started;
    const answer = await apply(
      [
        Buffer.from('nonsense'),
        event({ operation: 'explode' }),
        event({ version: `${Date.now() + 7_200_000}.0@x` }),
        event({ operation: 'put', payload, key: 'sound' }),
      ],
      { chunks: [digest] },
      [content],
    );
    expect(answer.position?.sequence).toBe(4);
    expect(answer.refused.map(({ sequence, code }) => [sequence, code])).toEqual([
      [1, 'DW_REPLICATION_INVALID_EVENT'],
      [2, 'DW_REPLICATION_INVALID_EVENT'],
      [3, 'DW_REPLICATION_CLOCK_DRIFT'],
    ]);
    expect(await node.text('n', 'sound')).toBe('content');
    expect(node.metric('deadLetters')).toBe(3);
    const letters: string[] = [];
    const prefix = storePrefix('replication', 'dead-letters', 'x');
    for await (const { data } of node.store.scan(prefix)) {
      letters.push(Buffer.from(data).toString('utf8', 4));
    }
    expect(letters.map((letter) => JSON.parse(letter))).toMatchObject([
      { sequence: 1, code: 'DW_REPLICATION_INVALID_EVENT', epoch: 'epoch-1', isWhole: true },
      { sequence: 2 },
      { sequence: 3, code: 'DW_REPLICATION_CLOCK_DRIFT' },
    ]);
  });

  it('takes over nothing that would spoil what it stores, answers or writes later', async () => {
    await using started = await startFollower();
    const { node, apply, transport } = started;
    let listCount = 0;
    transport.handle(services.chunkList, async () => {
      listCount += 1;
      return encodePeerFrame({}, [Buffer.alloc(32)]);
    });
    const vast = { digest: `sha256-chunks:${digest}`, sizeBytes: Number.MAX_SAFE_INTEGER };
    const answer = await apply([
      event({ operation: 'put', payload: vast, key: 'vast' }),
      event({ timestampMs: 1e300 }),
      event({ timestampMs: -1 }),
      event({ operation: 'put', payload, contentType: 'a\r\nset-cookie: b' }),
      event({ version: `${Date.now() + 1_000}.${Number.MAX_SAFE_INTEGER}@x` }),
    ]);
    expect(answer.refused.map(({ sequence, code }) => [sequence, code])).toEqual([
      [2, 'DW_REPLICATION_INVALID_EVENT'],
      [3, 'DW_REPLICATION_INVALID_EVENT'],
      [4, 'DW_REPLICATION_INVALID_EVENT'],
      [1, 'DW_CONTENT_TOO_LARGE'],
    ]);
    expect(listCount).toBe(0);
    await node.put('n', 'k', 'written after the greatest version');
    expect(await node.text('n', 'k')).toBe('written after the greatest version');
  });

  it('is not deceived about content', async () => {
    await using started = await startFollower();
    const { node, apply, transport } = started;
    transport.handle(services.current, async () => encodePeerFrame({}));
    const lie = Buffer.from('CONTENT');
    const answer = await apply([event({ operation: 'put', payload })], { chunks: [digest] }, [lie]);
    expect(answer.refused).toEqual([{ sequence: 1, code: 'DW_CONTENT_MISMATCH' }]);
    expect(await node.text('n', 'k')).toBeUndefined();
  });

  it('has applied nothing of a batch that failed, and takes it again', async () => {
    await using started = await startFollower();
    const { node, apply, transport } = started;
    let failures = 1;
    transport.handle(services.chunks, async () => {
      failures -= 1;
      if (failures >= 0) throw peerError('DW_PEER_TIMEOUT');
      return encodePeerFrame({}, [content]);
    });
    const put = event({ operation: 'put', payload });
    await expect(apply([put])).rejects.toMatchObject({ code: 'DW_PEER_REFUSED' });
    expect(await node.text('n', 'k')).toBeUndefined();
    expect((await apply([put])).position?.sequence).toBe(1);
    expect(await node.text('n', 'k')).toBe('content');
  });

  it('takes the newer version where the older content is gone already', async () => {
    await using started = await startFollower();
    const { node, apply, transport } = started;
    const at = Date.now();
    transport.handle(services.chunks, async () => {
      throw contentError('DW_CONTENT_NOT_FOUND');
    });
    transport.handle(services.current, async () =>
      encodePeerFrame({}, [event({ version: `${at + 1}.0@x` })]),
    );
    const answer = await apply([event({ operation: 'put', payload, version: `${at}.0@x` })]);
    expect(answer).toMatchObject({ status: 'applied', refused: [] });
    expect(await node.text('n', 'k')).toBeUndefined();
    const [record] = await recordsOf(node.store.scan('dw://replication/objects/'));
    expect(record).toMatchObject({ versions: [{ version: `${at + 1}.0@x` }] });
  });

  it('keeps no more than so many dead letters', async () => {
    await using started = await startFollower();
    const { node, apply } = started;
    const poison = Array.from({ length: 600 }, () => Buffer.from('x'));
    await apply(poison);
    await apply(poison, { from: 601 });
    const paths: string[] = [];
    const prefix = storePrefix('replication', 'dead-letters', 'x');
    for await (const path of node.store.list(prefix)) paths.push(path);
    expect(paths).toHaveLength(1_000);
    expect(paths.at(0)).toContain('00000000000000000201');
    expect(paths.at(-1)).toContain('00000000000000001200');
  });
});

async function recordsOf(entries: AsyncIterable<{ readonly data: Uint8Array }>) {
  const records: unknown[] = [];
  for await (const { data } of entries) {
    records.push(JSON.parse(Buffer.from(data).toString('utf8', 4)));
  }
  return records;
}
