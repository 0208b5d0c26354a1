import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DwError } from '@datawarehouse/sdk';
import { callRoute } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { services } from '../../queue/peer-messages.js';
import { identityOf } from '../../testing/test-identities.js';
import { TestCluster, type TestNode } from '../../testing/test-node.js';
import {
  BUNDLE_MAGIC,
  type BundleHeader,
  encodeFrame,
  frameTypes,
  signedBytes,
} from './bundle-format.js';

/** Nodes whose logs do not reach one another. */
async function startApart(nodeIds = ['a', 'b'], config = {}): Promise<TestCluster> {
  const cluster = await TestCluster.start(nodeIds, { config });
  cluster.network.fateOf = ({ service }) => (service === services.apply ? 'lost' : 'delivered');
  return cluster;
}

async function exportBundle(node: TestNode, query: string): Promise<Buffer> {
  const { body } = await callRoute(node.context, 'GET', `/api/v1/bundle?${query}`);
  return Buffer.from(body ?? []);
}

const urlOf = (bundle: Uint8Array) =>
  `/api/v1/bundles/${createHash('sha256').update(bundle).digest('hex')}`;

async function importBundle(node: TestNode, bundle: Uint8Array, options = {}) {
  const url = urlOf(bundle);
  const { json: state } = await callRoute(node.context, 'GET', url);
  const { receivedBytes } = state as { readonly receivedBytes: number };
  const rest = bundle.subarray(receivedBytes);
  await callRoute(node.context, 'PUT', `${url}?offset=${receivedBytes}`, { body: rest });
  const { json } = await callRoute(node.context, 'POST', `${url}/import`, { body: options });
  return json as { readonly recordCount: number; readonly changedCount: number };
}

/** The code with which an import is refused. */
async function refusal(node: TestNode, bundle: Uint8Array, options = {}): Promise<string> {
  try {
    await importBundle(node, bundle, options);
    return 'imported';
  } catch (error) {
    if (DwError.is(error)) return error.code;
    throw error;
  }
}

/** All that a node stores, but for what counts its own tries. */
async function stored(node: TestNode): Promise<readonly string[]> {
  const entries: string[] = [];
  for await (const { path, data } of node.medium.scan('dw://')) {
    entries.push(`${path} ${Buffer.from(data).toString('base64')}`);
  }
  return entries;
}

/** Changes the header of a bundle, and signs it with the key of a node. */
function forge(bundle: Buffer, signer: string, change: (header: BundleHeader) => object): Buffer {
  const at = BUNDLE_MAGIC.length;
  const headerBytes = bundle.readUInt32BE(at + 1);
  const header = JSON.parse(bundle.toString('utf8', at + 5, at + 5 + headerBytes)) as BundleHeader;
  const signed = Buffer.concat([
    BUNDLE_MAGIC,
    encodeFrame(frameTypes.header, Buffer.from(JSON.stringify({ ...header, ...change(header) }))),
    bundle.subarray(at + 5 + headerBytes, bundle.length - 69),
  ]);
  const signature = identityOf(signer).sign(signedBytes(createHash('sha256').update(signed)));
  return Buffer.concat([signed, encodeFrame(frameTypes.signature, signature)]);
}

describe('a bundle', { timeout: 60_000 }, () => {
  it('carries objects with their content, each chunk once, and the place in the log', async () => {
    await using cluster = await startApart();
    const [a, b] = [cluster.at(0), cluster.at(1)];
    const large = randomBytes(300_000);
    await a.put('docs', 'large', large);
    await a.put('docs', 'the same', large);
    await a.put('docs', 'small', 'x');
    await a.put('docs', 'empty', '');
    await a.put('docs', 'gone', 'x');
    await a.objects.delete('docs', 'gone');
    const bundle = await exportBundle(a, 'to=b');
    expect(bundle.length).toBeLessThan(310_000);
    expect(await importBundle(b, bundle)).toMatchObject({
      ...{ origin: 'a', recordCount: 5, changedCount: 5, conflictCount: 0, refusedCount: 0 },
    });
    expect(await b.text('docs', 'large')).toBe(large.toString());
    expect(await b.text('docs', 'small')).toBe('x');
    expect(await b.text('docs', 'empty')).toBe('');
    expect(await b.text('docs', 'gone')).toBeUndefined();
    const [replica] = await b.replicas();
    expect(replica?.received?.sequence).toBe(6);
    // Nothing is left of the upload, and once more changes nothing.
    const before = await stored(b);
    expect(await importBundle(b, bundle)).toMatchObject({ changedCount: 0 });
    expect(await stored(b)).toEqual(before);
    cluster.network.heal();
    await a.put('docs', 'later', 'y');
    await cluster.settled();
    expect(await b.text('docs', 'later')).toBe('y');
    expect(b.metric('resynchronisations')).toBe(1);
  });

  it('keeps to names and times, and claims no place in the log then', async () => {
    await using cluster = await startApart();
    const [a, b] = [cluster.at(0), cluster.at(1)];
    await a.put('docs/eu', 'k', 'x');
    await a.put('other', 'k', 'x');
    const filtered = await exportBundle(a, `to=b&namespace=${encodeURIComponent('docs/**')}`);
    expect(await importBundle(b, filtered)).toMatchObject({ recordCount: 1 });
    expect((await exportBundle(a, `to=b&sinceMs=${Date.now() + 60_000}`)).length).toBeLessThan(600);
    expect((await b.replicas())[0]?.received?.sequence).toBe(0);
    expect((await b.objects.namespaces()).namespaces).toEqual(['docs/eu']);
  });

  it('is refused with any byte flipped, and changes nothing', async () => {
    await using cluster = await startApart();
    const b = cluster.at(1);
    await cluster.at(0).put('docs', 'k', 'some text');
    const bundle = await exportBundle(cluster.at(0), 'to=b');
    const before = await stored(b);
    for (let at = 0; at < bundle.length; at += 1) {
      const flipped = Buffer.from(bundle);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      expect(await refusal(b, flipped), `byte ${at}`).toMatch(/^DW_REPLICATION_BUNDLE_/);
    }
    expect(await stored(b)).toEqual(before);
    expect(await refusal(b, bundle)).toBe('imported');
  });

  it('is refused when it ends early, wherever, and when something follows it', async () => {
    await using cluster = await startApart();
    const b = cluster.at(1);
    await cluster.at(0).put('docs', 'k', 'some text');
    const bundle = await exportBundle(cluster.at(0), 'to=b');
    const before = await stored(b);
    for (let length = 0; length < bundle.length; length += 1) {
      const code = await refusal(b, bundle.subarray(0, length));
      expect(code, `${length} bytes`).toBe('DW_REPLICATION_BUNDLE_DAMAGED');
    }
    const longer = Buffer.concat([bundle, Buffer.from('x')]);
    expect(await refusal(b, longer)).toBe('DW_REPLICATION_BUNDLE_DAMAGED');
    expect(await stored(b)).toEqual(before);
  });

  it('is refused by another node, under another name, and with a key that is not known', async () => {
    await using cluster = await startApart(['a', 'b', 'c']);
    const [a, b, c] = [cluster.at(0), cluster.at(1), cluster.at(2)];
    await a.put('docs', 'k', 'x');
    const bundle = await exportBundle(a, 'to=b');
    const before = await stored(b);
    expect(await refusal(c, bundle)).toBe('DW_REPLICATION_BUNDLE_MISDIRECTED');
    expect(await refusal(a, bundle)).toBe('DW_REPLICATION_BUNDLE_MISDIRECTED');
    const ofOther = forge(bundle, 'a', () => ({ origin: 'c' }));
    expect(await refusal(b, ofOther)).toBe('DW_REPLICATION_BUNDLE_UNTRUSTED');
    const byOther = forge(bundle, 'c', (header) => ({ range: header.range }));
    expect(await refusal(b, byOther)).toBe('DW_REPLICATION_BUNDLE_UNTRUSTED');
    const ofStranger = forge(bundle, 'stranger', () => ({ origin: 'stranger' }));
    expect(await refusal(b, ofStranger)).toBe('DW_REPLICATION_BUNDLE_UNTRUSTED');
    expect(await refusal(b, bundle, { publicKey: identityOf('c').publicKey })).toBe(
      'DW_REPLICATION_BUNDLE_UNTRUSTED',
    );
    expect(await stored(b)).toEqual(before);
    const { publicKey } = identityOf('stranger');
    expect(await refusal(b, ofStranger, { publicKey })).toBe('imported');
  });

  it('of an air gap needs a key that the operator has pinned', async () => {
    const bundleKeys = { a: identityOf('a').publicKey };
    await using cluster = new TestCluster();
    const a = await cluster.add({ nodeId: 'a' });
    const known = await cluster.add({ nodeId: 'b', members: ['a'] });
    const pinned = await cluster.add({ nodeId: 'c', config: { bundleKeys } });
    await a.put('docs', 'k', 'x');
    const airGap = true;
    const forKnown = await exportBundle(a, 'to=b');
    expect(await refusal(known, forKnown, { airGap })).toBe('DW_REPLICATION_BUNDLE_UNTRUSTED');
    expect(await refusal(known, forKnown)).toBe('imported');
    expect(await refusal(pinned, await exportBundle(a, 'to=c'), { airGap })).toBe('imported');
    expect(await pinned.text('docs', 'k')).toBe('x');
  });

  it('that leaves a gap is refused until the one before has come', async () => {
    await using cluster = await startApart();
    const [a, b] = [cluster.at(0), cluster.at(1)];
    await a.put('docs', 'k1', 'x');
    await a.put('docs', 'k2', 'x');
    const first = await exportBundle(a, 'to=b&afterSequence=0');
    await a.put('docs', 'k3', 'x');
    const second = await exportBundle(a, 'to=b&afterSequence=2');
    const before = await stored(b);
    expect(await refusal(b, second)).toBe('DW_REPLICATION_BUNDLE_GAP');
    expect(await stored(b)).toEqual(before);
    expect(await importBundle(b, first)).toMatchObject({ recordCount: 2, changedCount: 2 });
    expect(await importBundle(b, second)).toMatchObject({ recordCount: 1, changedCount: 1 });
    expect((await b.replicas())[0]?.received?.sequence).toBe(3);
    const ofOtherLog = forge(second, 'a', () => ({ range: { epoch: 'other', from: 2, to: 9 } }));
    expect(await refusal(b, ofOtherLog)).toBe('DW_REPLICATION_BUNDLE_GAP');
    await expect(exportBundle(a, 'to=b&afterSequence=99')).rejects.toMatchObject({
      code: 'DW_REPLICATION_BUNDLE_RANGE',
    });
  });

  it('goes on where an upload, or an import that was killed, has stopped', async () => {
    await using cluster = await startApart();
    const a = cluster.at(0);
    for (let index = 0; index < 200; index += 1) await a.put('docs', `k${index}`, `value ${index}`);
    const bundle = await exportBundle(a, 'to=b');
    const dataDirectory = await mkdtemp(join(tmpdir(), 'dw-bundles-'));
    await cluster.at(1).stop();
    const b = await cluster.again(1, { dataDirectory });
    const url = urlOf(bundle);
    await callRoute(b.context, 'PUT', `${url}?offset=0`, { body: bundle.subarray(0, 1_000) });
    await expect(
      callRoute(b.context, 'PUT', `${url}?offset=0`, { body: bundle }),
    ).rejects.toMatchObject({
      code: 'DW_REPLICATION_BUNDLE_UPLOAD',
      details: { receivedBytes: 1_000 },
    });
    // The second slice is durable, the third is not.
    let sliceCount = 0;
    b.store.onBatch = (operations) => {
      if (operations.some(({ path }) => path.includes('/bundles/progress/'))) sliceCount += 1;
      if (sliceCount === 3) b.store.kill();
    };
    await expect(importBundle(b, bundle)).rejects.toThrow();
    await b.kill();
    const back = await cluster.again(1, { dataDirectory });
    expect((await back.objects.list('docs', { limit: 1_000 })).objects).toHaveLength(128);
    const { json } = await callRoute(back.context, 'GET', url);
    expect(json).toMatchObject({ receivedBytes: bundle.length });
    expect(await importBundle(back, bundle)).toMatchObject({ recordCount: 200, changedCount: 72 });
    expect((await back.objects.list('docs', { limit: 1_000 })).objects).toHaveLength(200);
    await rm(dataDirectory, { recursive: true });
  });

  it('answers nonsense with a code', async () => {
    await using cluster = await startApart();
    const { context } = cluster.at(0);
    for (const [method, url] of [
      ['GET', '/api/v1/bundle'],
      ['GET', '/api/v1/bundle?to=../x'],
      ['GET', '/api/v1/bundle?to=b&sinceMs=x'],
      ['GET', '/api/v1/bundles/..%2F..%2Fx'],
      ['PUT', `${urlOf(Buffer.alloc(0))}?offset=-1`],
    ] as const) {
      await expect(callRoute(context, method, url, { body: '' }), url).rejects.toMatchObject({
        code: 'DW_REPLICATION_INVALID_QUERY',
      });
    }
  });
});
