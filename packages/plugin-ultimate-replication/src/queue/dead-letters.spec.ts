import { callRoute, ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { replicationError } from '../errors/replication-errors.js';
import { apiOf, runCommand } from '../testing/command-line.js';
import { content, digest, event, payload, startFollower } from '../testing/played-origin.js';
import { DeadLetters } from './dead-letters.js';
import { encodePeerFrame } from './peer-frame.js';
import { services } from './peer-messages.js';

interface Shown {
  readonly id: string;
  readonly sequence: number;
  readonly code: string;
}

/** A follower that has met three events that it cannot apply. */
async function startWithLetters() {
  const started = await startFollower();
  const { node, apply, transport } = started;
  transport.handle(services.current, async () => encodePeerFrame({}));
  const lie = Buffer.from('CONTENT');
  const events = [
    event({ operation: 'put', payload }),
    Buffer.from('nonsense'),
    event({ key: 'future', version: `${Date.now() + 7_200_000}.0@x` }),
  ];
  await apply(events, { chunks: [digest] }, [lie]);
  const call = (method: 'GET' | 'POST' | 'DELETE', path: string) =>
    callRoute(node.context, method, `/api/v1/dead-letters${path}`);
  const list = async (query = '') =>
    (await call('GET', query)).json as { readonly letters: readonly Shown[]; next?: string };
  const dw = (name: string, id?: string) =>
    runCommand(
      apiOf(() => node.context),
      name,
      { origin: 'x', ...(id !== undefined && { id }) },
    );
  return { ...started, call, list, dw };
}

describe('DeadLetters', { timeout: 30_000 }, () => {
  it('are listed page by page, and shown with their event', async () => {
    await using started = await startWithLetters();
    const { call, list } = started;
    const { letters } = await list();
    expect(letters).toMatchObject([
      { origin: 'x', sequence: 1, code: 'DW_CONTENT_MISMATCH', isWhole: true, epoch: 'epoch-1' },
      { origin: 'x', sequence: 2, code: 'DW_REPLICATION_INVALID_EVENT', sizeBytes: 8 },
      { origin: 'x', sequence: 3, code: 'DW_REPLICATION_CLOCK_DRIFT' },
    ]);
    const first = await list('?origin=x&limit=2');
    expect(first.letters).toEqual(letters.slice(0, 2));
    const second = await list(`?origin=x&limit=2&after=${encodeURIComponent(first.next ?? '')}`);
    expect(second).toEqual({ letters: letters.slice(2) });
    expect(await list('?origin=nobody')).toEqual({ letters: [] });
    await expect(list('?after=dw://elsewhere')).rejects.toMatchObject({
      code: 'DW_REPLICATION_INVALID_QUERY',
    });
    expect((await call('GET', `/x/${letters[1]?.id ?? ''}`)).json).toMatchObject({
      event: 'nonsense',
    });
  });

  it('are applied after all when what kept them away is mended', async () => {
    await using started = await startWithLetters();
    const { call, list, node, transport } = started;
    const [first, second] = (await list()).letters;
    await expect(call('POST', `/x/${first?.id ?? ''}/retry`)).rejects.toMatchObject({
      code: 'DW_PEER_UNKNOWN_SERVICE',
    });
    transport.handle(services.chunks, async () => encodePeerFrame({}, [content]));
    await expect(call('POST', `/x/${second?.id ?? ''}/retry`)).rejects.toMatchObject({
      code: 'DW_REPLICATION_INVALID_EVENT',
    });
    expect(node.metric('deadLettersHeld')).toBe(3);
    const retried = await call('POST', `/x/${first?.id ?? ''}/retry`);
    expect(retried.json).toEqual({ origin: 'x', id: first?.id, isChanged: true });
    expect(await node.text('n', 'k')).toBe('content');
    expect(node.metric('deadLettersHeld')).toBe(2);
    await expect(call('POST', `/x/${first?.id ?? ''}/retry`)).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNKNOWN_LETTER',
    });
  });

  it('go when they are given up, and only then', async () => {
    await using started = await startWithLetters();
    const { call, list, node } = started;
    for (const id of ['1-00000000', 'x', '', '99999999999999999-00000000']) {
      await expect(call('DELETE', `/x/${id}`)).rejects.toBeDefined();
    }
    expect(node.metric('deadLettersHeld')).toBe(3);
    const [first] = (await list()).letters;
    await call('DELETE', `/x/${first?.id ?? ''}`);
    expect((await list()).letters).toHaveLength(2);
    expect(node.metric('deadLettersHeld')).toBe(2);
    await node.stop();
    await using again = await node.again();
    expect(again.metric('deadLettersHeld')).toBe(2);
  });

  it('of two logs of one node do not overwrite one another', async () => {
    const store = new MemoryBackingStore();
    const letters = await DeadLetters.open({ store, clock: new ManualClock() });
    const error = replicationError('DW_REPLICATION_INVALID_EVENT');
    for (const epoch of ['epoch-1', 'epoch-2']) {
      const change = await letters.change('x', epoch, [{ sequence: 1, error, data: content }]);
      await store.batch(change.operations);
      letters.note('x', change);
    }
    expect(letters.heldCount).toBe(2);
    const { letters: listed } = await letters.list({ limit: 10 });
    expect(new Set(listed.map(({ epoch }) => epoch)).size).toBe(2);
    expect(await letters.refusals('x', 'epoch-2', { from: 1, to: 9 })).toHaveLength(1);
  });

  it('that are damaged themselves are still seen, and can be given up', async () => {
    await using started = await startWithLetters();
    const { list, call, node } = started;
    const [first] = (await list()).letters;
    for await (const path of node.medium.list('dw://replication/dead-letters/')) {
      await node.medium.write(path, Buffer.from('damaged'));
    }
    expect((await list()).letters).toMatchObject([
      { id: first?.id, sequence: 1, code: 'DW_REPLICATION_RECORD_CORRUPT', isWhole: false },
      { sequence: 2 },
      { sequence: 3 },
    ]);
    await expect(call('POST', `/x/${first?.id ?? ''}/retry`)).rejects.toMatchObject({
      code: 'DW_REPLICATION_LETTER_INCOMPLETE',
    });
    await call('DELETE', `/x/${first?.id ?? ''}`);
    expect((await list()).letters).toHaveLength(2);
  });

  it('are shown, retried and dropped by dw', async () => {
    await using started = await startWithLetters();
    const { dw, list, transport } = started;
    const [first] = (await list()).letters;
    const { lines } = await dw('dead-letters');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^x 1-[0-9a-f]{8} .*Z DW_CONTENT_MISMATCH /);
    expect((await dw('dead-letters show', first?.id)).lines[0]).toMatch(/^DW_CONTENT_MISMATCH: /);
    transport.handle(services.chunks, async () => encodePeerFrame({}, [content]));
    const retried = await dw('dead-letters retry');
    expect(retried.lines.map((line) => line.split(' ')[1])).toEqual([
      'applied',
      'DW_REPLICATION_INVALID_EVENT',
      'DW_REPLICATION_CLOCK_DRIFT',
    ]);
    expect((await dw('dead-letters drop')).lines).toEqual(['dropped 2']);
    expect((await dw('dead-letters')).notes).toHaveLength(1);
    await expect(dw('dead-letters drop', first?.id)).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNKNOWN_LETTER',
    });
  });
});
