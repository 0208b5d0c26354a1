import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketSelector, DigestTree, decodeNode, depthFor, NODE_BYTES } from './digest-tree.js';
import { bucketOf, DIGEST_BYTES } from './record-digest.js';

const leaf = fc.record({
  bucket: fc.integer({ min: 0, max: 65_535 }),
  digest: fc
    .uint8Array({ minLength: DIGEST_BYTES, maxLength: DIGEST_BYTES })
    .map((bytes) => Buffer.from(bytes)),
});

describe('DigestTree', () => {
  it('sums alike in any order, and takes back what it added', () => {
    fc.assert(
      fc.property(fc.array(leaf), fc.array(leaf), (kept, removed) => {
        const one = new DigestTree();
        const other = new DigestTree();
        for (const { bucket, digest } of [...kept, ...removed]) one.add(bucket, digest);
        for (const { bucket, digest } of removed) one.remove(bucket, digest);
        for (const { bucket, digest } of [...kept].reverse()) other.add(bucket, digest);
        expect(one.root()).toEqual(other.root());
        expect(one.count).toBe(kept.length);
        expect(one.children('')).toEqual(other.children(''));
      }),
      { numRuns: 20 },
    );
  });

  it('has the same nodes at any depth, and no children below its depth', () => {
    const deep = new DigestTree(4);
    const flat = new DigestTree(1);
    for (let index = 0; index < 200; index += 1) {
      const digest = Buffer.alloc(DIGEST_BYTES, index);
      deep.add(bucketOf(`k${index}`), digest);
      flat.add(bucketOf(`k${index}`), digest);
    }
    expect(flat.root()).toEqual(deep.root());
    expect(flat.children('')).toEqual(deep.children(''));
    expect(flat.children('a')).toHaveLength(0);
    deep.cutTo(1);
    expect(deep.depth).toBe(1);
    expect(deep.children('a')).toHaveLength(0);
    expect(deep.sizeBytes).toBe(flat.sizeBytes);
  });

  it('gives a node as the sum of its children', () => {
    const tree = new DigestTree(3);
    for (let index = 0; index < 500; index += 1) {
      tree.add(bucketOf(`key ${index}`), Buffer.alloc(DIGEST_BYTES, index));
    }
    let count = 0;
    for (let child = 0; child < 16; child += 1) {
      count += decodeNode(tree.children(''), child * NODE_BYTES).count;
    }
    expect(count).toBe(500);
    const below = decodeNode(tree.children(''), 3 * NODE_BYTES).count;
    const deeper = tree.children('3');
    let deeperCount = 0;
    for (let child = 0; child < 16; child += 1) {
      deeperCount += decodeNode(deeper, child * NODE_BYTES).count;
    }
    expect(deeperCount).toBe(below);
  });

  it('is as deep as its objects need', () => {
    expect([0, 16, 17, 256, 4_096, 1_000_000, 1e9].map(depthFor)).toEqual([0, 0, 1, 1, 2, 4, 4]);
  });
});

describe('bucketSelector', () => {
  it('takes the buckets below any of the nodes', () => {
    const isWanted = bucketSelector(['a', '0f2', 'ffff']);
    expect([0xa000, 0xafff, 0x0f20, 0x0f2f, 0xffff].every(isWanted)).toBe(true);
    expect([0x9fff, 0xb000, 0x0f1f, 0x0f30, 0xfffe].some(isWanted)).toBe(false);
    expect(bucketSelector([''])(0x1234)).toBe(true);
    expect(bucketSelector([])(0x1234)).toBe(false);
  });
});

describe('bucketOf', () => {
  it('spreads keys that differ in a few digits', () => {
    const counts = new Array<number>(256).fill(0);
    for (let index = 0; index < 25_600; index += 1) {
      const bucket = bucketOf(`dw://replication/objects/docs/k${index}`) >>> 8;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    expect(Math.max(...counts)).toBeLessThan(200);
    expect(Math.min(...counts)).toBeGreaterThan(40);
  });
});
