import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type ObjectRecord, recordPath } from '../objects/object-record.js';
import type { RecordChange } from '../objects/object-table.js';
import { formatVersion } from '../objects/object-version.js';
import type { DigestTree } from './digest-tree.js';

/** Bytes of a digest in a tree and in messages. */
export const DIGEST_BYTES = 16;

/** 32-bit words of a digest. */
export const DIGEST_WORDS = 4;

/** Bits of {@link bucketOf}. */
export const BUCKET_BITS = 16;

/** The digest of what other nodes may learn of an object; `undefined` where that is nothing. */
export type DigestOf = (versions: readonly ObjectRecord[]) => Buffer | undefined;

/**
 * Makes a {@link DigestOf}: SHA-256 over an object's path and the versions that may leave the node,
 * cut to 128 bits. A version stands for all that was written with it.
 */
export function digestOfVisible(mayLeave: (record: ObjectRecord) => boolean): DigestOf {
  return (versions) => {
    const visible = versions.filter(mayLeave);
    const [first] = visible;
    if (first === undefined) return undefined;
    const texts = visible.map(({ version }) => formatVersion(version)).sort();
    const text = [recordPath(first), ...texts].join('\n');
    return hash('sha256', text, 'buffer').subarray(0, DIGEST_BYTES);
  };
}

/** In which of 65 536 buckets an object is. Only spreads; who chooses keys can crowd a bucket. */
export function bucketOf(path: string): number {
  // CRC-32 is linear; the multiplication spreads keys that differ in a few digits.
  const mixed = Math.imul(crc32(path), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> BUCKET_BITS;
}

/** Takes the old digest of an object out of a tree, and puts the new one in. */
export function changeTree(
  tree: DigestTree,
  path: string,
  { before, after }: RecordChange,
  digestOf: DigestOf,
): void {
  const bucket = bucketOf(path);
  const old = digestOf(before);
  const now = digestOf(after);
  if (old !== undefined) tree.remove(bucket, old);
  if (now !== undefined) tree.add(bucket, now);
}
