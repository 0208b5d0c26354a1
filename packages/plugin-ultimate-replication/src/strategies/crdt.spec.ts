import { callRoute } from '@datawarehouse/sdk/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestCluster, type TestNode } from '../testing/test-node.js';

const config = { defaultStrategy: 'crdt' };

const put = (node: TestNode, value: unknown) => node.put('docs', 'k', JSON.stringify(value));
const get = async (node: TestNode): Promise<unknown> =>
  JSON.parse((await node.text('docs', 'k')) ?? 'null');

/** Two nodes with one document that cannot reach one another. */
async function startApart(document: unknown) {
  const cluster = await TestCluster.start(['a', 'b'], { config });
  await put(cluster.at(0), document);
  await cluster.settled();
  cluster.network.cut('a', 'b');
  return cluster;
}

async function healed(cluster: TestCluster): Promise<unknown> {
  cluster.network.heal();
  await cluster.settled();
  const [a, b] = await Promise.all(cluster.nodes.map((node) => node.text('docs', 'k')));
  expect(a).toBe(b);
  return JSON.parse(a ?? 'null');
}

describe('the strategy crdt', { timeout: 30_000 }, () => {
  it('merges what two nodes edited while they were cut off', async () => {
    await using cluster = await startApart({ title: 'x', tags: ['p', 'q'], by: { name: 'n' } });
    await put(cluster.at(0), { title: 'of a', tags: ['o', 'p', 'q'], by: { name: 'n', age: 1 } });
    await put(cluster.at(1), { title: 'x', tags: ['p', 'q', 'r'], by: { name: 'm' }, more: null });
    expect(await healed(cluster)).toEqual({
      title: 'of a',
      tags: ['o', 'p', 'q', 'r'],
      by: { name: 'm', age: 1 },
      more: null,
    });
    for (const node of cluster.nodes) expect(await node.conflicts()).toEqual([]);
  });

  it('keeps removals, and edits of other members of what another node edits', async () => {
    await using cluster = await startApart({ a: 1, b: 2, list: [{ n: 1 }, { n: 2 }] });
    await put(cluster.at(0), { b: 2, list: [{ n: 1, x: 1 }, { n: 2 }] });
    await put(cluster.at(1), { a: 1, b: 3, list: [{ n: 1 }, { n: 2, y: 2 }] });
    expect(await healed(cluster)).toEqual({
      b: 3,
      list: [
        { n: 1, x: 1 },
        { n: 2, y: 2 },
      ],
    });
  });

  it('merges documents that two nodes began without knowing of one another', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    cluster.network.cut('a', 'b');
    await put(cluster.at(0), { a: 1, both: { x: 1, z: 1 } });
    await put(cluster.at(1), { b: 2, both: { y: 2, z: 2 } });
    const merged = await healed(cluster);
    expect(merged).toMatchObject({ a: 1, b: 2, both: { x: 1, y: 2 } });
    const next = { a: 1, b: 2, both: { x: 1, y: 3 } };
    await put(cluster.at(0), next);
    await cluster.settled();
    expect((await cluster.at(1).objects.get('docs', 'k')).siblingCount).toBe(1);
    expect(await get(cluster.at(1))).toEqual(next);
  });

  it('gives back what was put, in the order of names, with a digest of what is read', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    await put(cluster.at(0), { b: [1, { z: 1, y: '\u{1F600}' }], a: {} });
    const { context } = cluster.at(0);
    const { body, headers } = await callRoute(context, 'GET', '/api/v1/objects/docs/k');
    expect(Buffer.from(body ?? []).toString()).toBe('{"a":{},"b":[1,{"y":"\u{1F600}","z":1}]}');
    expect(headers['content-length']).toBe(String(body?.byteLength));
    const range = { headers: { range: 'bytes=1-3' } };
    const part = await callRoute(context, 'GET', '/api/v1/objects/docs/k', range);
    expect(Buffer.from(part.body ?? []).toString()).toBe('"a"');
  });

  it('keeps next to nothing of what members were before that are no lists or objects', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    for (let n = 0; n < 200; n += 1) await put(cluster.at(0), { n, text: `text ${n}`, same: 1 });
    const { objects } = await cluster.at(0).objects.list('docs');
    expect(objects[0]?.sizeBytes).toBeLessThan(300);
  });

  it('begins anew, without what members were before, where a document was removed', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    const storedBytes = async () =>
      (await cluster.at(0).objects.list('docs')).objects[0]?.sizeBytes ?? 0;
    for (let n = 0; n < 30; n += 1) await put(cluster.at(0), { n, by: { n, list: [n] } });
    const grownBytes = await storedBytes();
    await cluster.at(0).objects.delete('docs', 'k');
    await put(cluster.at(0), { n: 30 });
    expect(await storedBytes()).toBeLessThan(grownBytes / 4);
    expect(await get(cluster.at(0))).toEqual({ n: 30 });
  });

  it('edits one after the other what one node is asked to at once', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    await Promise.all(Array.from({ length: 20 }, (_, n) => put(cluster.at(0), { n })));
    await cluster.settled();
    const { siblingCount } = await cluster.at(0).objects.get('docs', 'k');
    expect(siblingCount).toBe(1);
    expect(await get(cluster.at(0))).toEqual(await get(cluster.at(1)));
  });

  it.each(['[1]', '"x"', 'null', '{', '\ud800'])('refuses %j, and stores nothing', async (text) => {
    await using cluster = await TestCluster.start(['a'], { config });
    await expect(cluster.at(0).put('docs', 'k', text)).rejects.toMatchObject({
      code: 'DW_REPLICATION_NOT_A_DOCUMENT',
    });
    expect(await cluster.at(0).text('docs', 'k')).toBeUndefined();
  });

  it('refuses a document that is too large, on the way in and as it would be stored', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    const refusal = { code: 'DW_REPLICATION_DOCUMENT_TOO_LARGE' };
    const long = 'x'.repeat(1_100_000);
    await expect(put(cluster.at(0), { long })).rejects.toMatchObject(refusal);
    await put(cluster.at(0), { long: 'x'.repeat(1_000_000) });
    await expect(put(cluster.at(0), { long: 'y'.repeat(1_048_560) })).rejects.toMatchObject(
      refusal,
    );
  });

  it('shows what was put under another strategy as it is, until it is put again', async () => {
    await using cluster = await TestCluster.start(['a'], { config: {} });
    await cluster.at(0).put('docs', 'k', 'any text');
    const routes = [{ pattern: 'docs', strategy: 'crdt' }];
    await cluster.at(0).scaling.reconfigureLimitsAsync({}, { settings: { routes } });
    expect(await cluster.at(0).text('docs', 'k')).toBe('any text');
    await put(cluster.at(0), { a: 1 });
    expect(await get(cluster.at(0))).toEqual({ a: 1 });
  });
});

describe('editing a document', { timeout: 30_000 }, () => {
  it('makes it read as what was put, whatever it was before', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    const json = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(json, { minLength: 1, maxLength: 5 }), async (documents) => {
        for (const document of documents) {
          await put(cluster.at(0), document);
          expect(await get(cluster.at(0))).toEqual(JSON.parse(JSON.stringify(document)));
        }
      }),
      { numRuns: 60 },
    );
  });
});
