import { BUCKET_BITS, DIGEST_BYTES, DIGEST_WORDS } from './record-digest.js';

/** Children of a node of a tree. */
export const TREE_FAN_OUT = 16;

/** Bytes of a node in messages: how many objects, then the sum of their digests. */
export const NODE_BYTES: number = 4 + DIGEST_BYTES;

/** Levels below the root of the deepest tree: 65 536 leaves. */
export const MAX_TREE_DEPTH: number = BUCKET_BITS / Math.log2(TREE_FAN_OUT);

/** Objects that a leaf holds on average before a deeper tree pays. */
const leafObjectCount = 16;

interface Level {
  readonly counts: Uint32Array;
  readonly sums: Uint32Array;
}

/** One node of a tree. */
export interface TreeNode {
  readonly count: number;
  /** Sum of the digests below, 16 bytes. */
  readonly digest: Buffer;
}

/** Depth of the tree that fits so many objects. */
export function depthFor(objectCount: number): number {
  const leaves = Math.max(1, objectCount / leafObjectCount);
  return Math.min(MAX_TREE_DEPTH, Math.ceil(Math.log2(leaves) / Math.log2(TREE_FAN_OUT)));
}

/**
 * Digests of the objects of a namespace by the hash of their path, summed up level by level
 * (Merkle, "A Digital Signature Based on a Conventional Encryption Function", 1987, with sums in
 * place of hashes of hashes; Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing",
 * 1997).
 *
 * Sums do not depend on the order of objects, are taken back as easily as made, and make a node the
 * same in trees of any depth. They find what differs between nodes that trust one another; they do
 * not bind one that lies, and what it sends is checked otherwise.
 */
export class DigestTree {
  #levels: readonly Level[];

  constructor(depth: number = MAX_TREE_DEPTH) {
    this.#levels = Array.from({ length: depth + 1 }, (_, level) => emptyLevel(level));
  }

  get depth(): number {
    return this.#levels.length - 1;
  }

  /** Objects in the tree. */
  get count(): number {
    return this.#levels[0]?.counts[0] ?? 0;
  }

  get sizeBytes(): number {
    let sizeBytes = 0;
    for (const { counts, sums } of this.#levels) sizeBytes += counts.byteLength + sums.byteLength;
    return sizeBytes;
  }

  add(bucket: number, digest: Buffer): void {
    for (const [level, { counts, sums }] of this.#levels.entries()) {
      const index = indexOf(bucket, level);
      counts[index] = (counts[index] ?? 0) + 1;
      for (let word = 0; word < DIGEST_WORDS; word += 1) {
        const at = index * DIGEST_WORDS + word;
        // Typed arrays wrap around, which is the sum that is wanted.
        sums[at] = (sums[at] ?? 0) + digest.readUInt32BE(word * 4);
      }
    }
  }

  remove(bucket: number, digest: Buffer): void {
    for (const [level, { counts, sums }] of this.#levels.entries()) {
      const index = indexOf(bucket, level);
      counts[index] = (counts[index] ?? 0) - 1;
      for (let word = 0; word < DIGEST_WORDS; word += 1) {
        const at = index * DIGEST_WORDS + word;
        sums[at] = (sums[at] ?? 0) - digest.readUInt32BE(word * 4);
      }
    }
  }

  /** Lets go of the levels below `depth`. */
  cutTo(depth: number): void {
    this.#levels = this.#levels.slice(0, depth + 1);
  }

  root(): TreeNode {
    return decodeNode(this.#encode(0, 0, 1), 0);
  }

  /**
   * Encodes the children of a node: {@link NODE_BYTES} for each of the 16; nothing where it is a leaf.
   *
   * @param prefix - Hexadecimal digits of the way to the node; none for the root.
   */
  children(prefix: string): Buffer {
    const level = prefix.length + 1;
    if (level > this.depth) return Buffer.alloc(0);
    const first = prefix === '' ? 0 : Number.parseInt(prefix, 16) * TREE_FAN_OUT;
    return this.#encode(level, first, TREE_FAN_OUT);
  }

  #encode(level: number, first: number, nodeCount: number): Buffer {
    const { counts, sums } = this.#levels[level] ?? emptyLevel(0);
    const data = Buffer.allocUnsafe(nodeCount * NODE_BYTES);
    for (let node = 0; node < nodeCount; node += 1) {
      const at = node * NODE_BYTES;
      data.writeUInt32BE(counts[first + node] ?? 0, at);
      for (let word = 0; word < DIGEST_WORDS; word += 1) {
        data.writeUInt32BE(sums[(first + node) * DIGEST_WORDS + word] ?? 0, at + 4 + word * 4);
      }
    }
    return data;
  }
}

/** Encodes a node: {@link NODE_BYTES}. */
export function encodeNode({ count, digest }: TreeNode): Buffer {
  const data = Buffer.allocUnsafe(NODE_BYTES);
  data.writeUInt32BE(count, 0);
  digest.copy(data, 4);
  return data;
}

/** Reads the node at an offset of what {@link DigestTree.children} wrote. */
export function decodeNode(data: Buffer, at: number): TreeNode {
  return { count: data.readUInt32BE(at), digest: data.subarray(at + 4, at + NODE_BYTES) };
}

/** Tells whether a bucket lies below one of the nodes. */
export function bucketSelector(prefixes: readonly string[]): (bucket: number) => boolean {
  const byLevel = new Map<number, Set<number>>();
  for (const prefix of prefixes) {
    const indices = byLevel.get(prefix.length) ?? new Set();
    indices.add(prefix === '' ? 0 : Number.parseInt(prefix, 16));
    byLevel.set(prefix.length, indices);
  }
  const levels = [...byLevel];
  return (bucket) => levels.some(([level, indices]) => indices.has(indexOf(bucket, level)));
}

function indexOf(bucket: number, level: number): number {
  return bucket >>> (BUCKET_BITS - level * Math.log2(TREE_FAN_OUT));
}

function emptyLevel(level: number): Level {
  const nodeCount = TREE_FAN_OUT ** level;
  return { counts: new Uint32Array(nodeCount), sums: new Uint32Array(nodeCount * DIGEST_WORDS) };
}
