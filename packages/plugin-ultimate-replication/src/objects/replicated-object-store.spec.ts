import { randomBytes } from 'node:crypto';
import { storeError } from '@datawarehouse/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestCluster } from '../testing/test-node.js';

const longest = 'ä'.repeat(512);

describe('ReplicatedObjectStore', { timeout: 30_000 }, () => {
  it('takes any Unicode of 1 to 1024 bytes as a name, and keeps names apart', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const names = [
      'a/b',
      'a',
      '.',
      '..',
      '%',
      '%2F',
      ' ',
      '\u0000',
      '-x',
      '日本/😀',
      '\n',
      longest,
    ];
    for (const namespace of names) {
      for (const key of names) await cluster.at(0).put(namespace, key, `${namespace}\t${key}`);
    }
    await cluster.settled();
    for (const namespace of names) {
      const { objects } = await cluster.at(1).objects.list(namespace);
      expect(objects.map(({ key }) => key).sort()).toEqual([...names].sort());
      for (const key of names) {
        expect(await cluster.at(1).text(namespace, key)).toBe(`${namespace}\t${key}`);
      }
    }
    const { namespaces } = await cluster.at(1).objects.namespaces();
    expect([...namespaces].sort()).toEqual([...names].sort());
  });

  it.each(['', '\ud800', 'x\udc00', `${longest}x`])('refuses the name %j', async (name) => {
    await using cluster = await TestCluster.start(['a']);
    const { objects } = cluster.at(0);
    const refusal = expect.objectContaining({ code: 'DW_REPLICATION_INVALID_NAME' });
    await expect(cluster.at(0).put(name, 'k', 'x')).rejects.toEqual(refusal);
    await expect(cluster.at(0).put('n', name, 'x')).rejects.toEqual(refusal);
    await expect(objects.get('n', name)).rejects.toEqual(refusal);
    await expect(objects.delete('n', name)).rejects.toEqual(refusal);
    await expect(objects.list(name)).rejects.toEqual(refusal);
    await expect(objects.namespaces({ after: name })).rejects.toEqual(refusal);
  });

  it('pages through a namespace, each key once, with and without a prefix', async () => {
    await using cluster = await TestCluster.start(['a']);
    const keys = Array.from({ length: 25 }, (_, index) => `${index % 2 ? 'odd' : 'even'}/${index}`);
    for (const key of keys) await cluster.at(0).put('docs', key, 'x');
    await cluster.at(0).put('docs.other', 'k', 'x');
    await cluster.at(0).objects.delete('docs', 'odd/1');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(undefined, '', 'odd', 'odd/', 'none'),
        async (limit, prefix) => {
          const found: string[] = [];
          let after: string | undefined;
          do {
            const page = await cluster.at(0).objects.list('docs', { after, limit, prefix });
            found.push(...page.objects.map(({ key }) => key));
            after = page.next;
          } while (after !== undefined);
          const expected = keys.filter((key) => key.startsWith(prefix ?? '') && key !== 'odd/1');
          expect([...found].sort()).toEqual([...expected].sort());
        },
      ),
      { numRuns: 40 },
    );
  });

  it('pages through namespaces, and leaves out those without objects', async () => {
    await using cluster = await TestCluster.start(['a']);
    for (const namespace of ['a', 'a-b', 'a/b', 'b', 'ü']) {
      for (const key of ['1', '2', '3']) await cluster.at(0).put(namespace, key, 'x');
    }
    for (const key of ['1', '2', '3']) await cluster.at(0).objects.delete('b', key);
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await cluster.at(0).objects.namespaces({ after, limit: 1 });
      found.push(...page.namespaces);
      after = page.next;
    } while (after !== undefined);
    expect([...found].sort()).toEqual(['a', 'a-b', 'a/b', 'ü']);
  });

  it('reads ranges', async () => {
    await using cluster = await TestCluster.start(['a']);
    const data = randomBytes(200_000);
    await cluster.at(0).put('docs', 'k', data);
    const object = await cluster.at(0).objects.get('docs', 'k');
    const pieces: Uint8Array[] = [];
    for await (const piece of object.open({ start: 65_000, end: 140_001 })) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(data.subarray(65_000, 140_001))).toBe(true);
  });

  it('stores nothing of a body that ends early, is too long, or fails', async () => {
    await using cluster = await TestCluster.start(['a'], { config: { maxObjectBytes: 1_000 } });
    const { objects, store } = cluster.at(0);
    const body = Buffer.alloc(500);
    await expect(objects.put('docs', 'k', body, { expectedBytes: 501 })).rejects.toMatchObject({
      code: 'DW_REPLICATION_LENGTH_MISMATCH',
    });
    await expect(objects.put('docs', 'k', Buffer.alloc(1_001))).rejects.toMatchObject({
      code: 'DW_CONTENT_TOO_LARGE',
    });
    const failing = async function* () {
      yield body;
      throw storeError('DW_STORE_IO');
    };
    await expect(objects.put('docs', 'k', failing())).rejects.toMatchObject({
      code: 'DW_STORE_IO',
    });
    await expect(objects.get('docs', 'k')).rejects.toMatchObject({
      code: 'DW_REPLICATION_NOT_FOUND',
    });
    for await (const path of store.list('dw://replication/objects')) expect(path).toBe('nothing');
  });

  it('refuses to remove what is not there, and a malformed content type', async () => {
    await using cluster = await TestCluster.start(['a']);
    const { objects } = cluster.at(0);
    await expect(objects.delete('docs', 'k')).rejects.toMatchObject({
      code: 'DW_REPLICATION_NOT_FOUND',
    });
    await expect(
      objects.put('docs', 'k', Buffer.from('x'), { contentType: 'text/plain\r\nx: y' }),
    ).rejects.toMatchObject({ code: 'DW_REPLICATION_INVALID_METADATA' });
  });

  it('gives concurrent writes of one object different versions, and keeps the latest', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    const receipts = await Promise.all(
      Array.from({ length: 40 }, (_, index) => cluster.at(index % 2).put('docs', 'k', `${index}`)),
    );
    expect(new Set(receipts.map(({ version }) => version)).size).toBe(40);
    await cluster.settled();
    const [a, b] = await Promise.all(cluster.nodes.map((node) => node.objects.get('docs', 'k')));
    expect(a?.version).toBe(b?.version);
    expect(receipts.map(({ version }) => version)).toContain(a?.version);
  });

  it('holds writers back while active replicas lag, then sheds', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], {
      config: { confirmTimeoutMs: 100 },
    });
    await cluster.at(0).scaling.reconfigureLimitsAsync({ maxQueueDepth: 3 });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    cluster.network.delayOf = async ({ service }) => {
      if (service === 'replication.apply') await held;
    };
    for (const key of ['1', '2', '3']) await cluster.at(0).put('docs', key, 'x');
    expect(cluster.at(0).scaling.currentBackpressureState).toBe('shedding');
    await expect(cluster.at(0).put('docs', '4', 'x')).rejects.toMatchObject({
      code: 'DW_SCALING_OVERLOADED',
      retryable: true,
    });
    const waiting = cluster.at(0).put('docs', '5', 'x');
    release();
    await waiting;
    await cluster.settled();
    expect((await cluster.at(1).objects.list('docs')).objects.map(({ key }) => key)).toEqual([
      '1',
      '2',
      '3',
      '5',
    ]);
    expect(cluster.at(0).scaling.getScalingMetrics()['backpressure.queueDepth']).toBe(0);
  });
});
