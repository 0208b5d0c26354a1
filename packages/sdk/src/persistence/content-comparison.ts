import { contentError } from '../errors/content-errors.js';
import type {
  ContentCompareOptions,
  ContentComparison,
  ContentDigests,
  ContentSide,
} from './content-options.js';
import type { ContentReader } from './content-reader.js';
import { hashedSlabs, type SlabOptions } from './content-slabs.js';
import { digestsOf } from './digest-list.js';
import {
  assertPayloadReference,
  CONTENT_CHUNK_BYTES,
  type PayloadReference,
  payloadReferenceOf,
} from './payload-reference.js';

type Bytes = Uint8Array | AsyncIterable<Uint8Array>;
type Known = PayloadReference | ContentDigests;

/**
 * Compares by what is known: root digests where both sides have one, lists of digests where one
 * side has just that, and bytes where nobody has digests of them.
 *
 * Bytes are hashed and compared with the digests of the other side, which then is not read: reading
 * it would cost the same hashing, since every read is verified.
 */
export class ContentComparer {
  readonly #reader: ContentReader;
  readonly #slabs: Pick<SlabOptions, 'hasher' | 'pool'>;

  constructor(reader: ContentReader, slabs: Pick<SlabOptions, 'hasher' | 'pool'>) {
    this.#reader = reader;
    this.#slabs = slabs;
  }

  async compare(
    a: ContentSide,
    b: ContentSide,
    options: ContentCompareOptions,
  ): Promise<ContentComparison> {
    options.signal?.throwIfAborted();
    if (isBytes(a)) {
      return isBytes(b) ? this.#compareBytes(a, b, options) : this.#compareHashed(a, b, options);
    }
    if (isBytes(b)) return this.#compareHashed(b, a, options);
    if (isReference(a) && isReference(b)) return this.#compareRoots(a, b, options);
    const lists = [await this.#digests(a), await this.#digests(b)] as const;
    const index = firstDifference(...lists);
    return {
      isEqual: index === undefined,
      decidedBy: 'digestLists',
      bytesRead: 0,
      firstDifferenceBytes: index === undefined ? undefined : index * CONTENT_CHUNK_BYTES,
    };
  }

  async #compareRoots(
    a: PayloadReference,
    b: PayloadReference,
    { locate = false }: ContentCompareOptions,
  ): Promise<ContentComparison> {
    assertPayloadReference(a);
    assertPayloadReference(b);
    const isEqual = a.digest === b.digest;
    if (isEqual && a.sizeBytes !== b.sizeBytes) {
      throw contentError('DW_CONTENT_BAD_REFERENCE', {
        message: 'References to equal content give it different sizes',
        details: { digest: a.digest, sizesBytes: [a.sizeBytes, b.sizeBytes] },
      });
    }
    const found = { isEqual, decidedBy: 'rootDigests' } as const;
    if (isEqual || !locate) return { ...found, bytesRead: 0, firstDifferenceBytes: undefined };
    return { ...found, ...(await this.#locate(a, b)) };
  }

  /** Finds the first different byte by the lists, and by the one chunk where these differ. */
  async #locate(
    a: PayloadReference,
    b: PayloadReference,
  ): Promise<Pick<ContentComparison, 'bytesRead' | 'firstDifferenceBytes'>> {
    const [left, right] = [
      await this.#reader.chunkDigests(a),
      await this.#reader.chunkDigests(b),
    ] as const;
    const index = left.findIndex((digest, at) => digest !== right[at]);
    const start = (index < 0 ? left.length : index) * CONTENT_CHUNK_BYTES;
    const [leftDigest, rightDigest] = [left[index], right[index]];
    if (leftDigest === undefined || rightDigest === undefined) {
      return { bytesRead: 0, firstDifferenceBytes: start };
    }
    const leftChunk = await this.#reader.readChunk(leftDigest);
    const rightChunk = await this.#reader.readChunk(rightDigest);
    return {
      bytesRead: leftChunk.byteLength + rightChunk.byteLength,
      firstDifferenceBytes: start + commonBytes(leftChunk, rightChunk),
    };
  }

  async #compareHashed(
    bytes: Bytes,
    known: Known,
    options: ContentCompareOptions,
  ): Promise<ContentComparison> {
    const { chunkDigests, sizeBytes } = await this.#digests(known);
    let bytesRead = 0;
    let at = 0;
    const result = (differsAt: number | undefined): ContentComparison => ({
      isEqual: differsAt === undefined,
      decidedBy: 'bytes',
      bytesRead,
      firstDifferenceBytes: differsAt,
    });
    for await (const slab of hashedSlabs(bytes, { ...this.#slabs, signal: options.signal })) {
      using lent = slab;
      bytesRead += lent.sizeBytes;
      for (const digest of digestsOf(lent.digests)) {
        if (digest !== chunkDigests[at]) return result(at * CONTENT_CHUNK_BYTES);
        at += 1;
      }
    }
    return result(bytesRead === sizeBytes ? undefined : at * CONTENT_CHUNK_BYTES);
  }

  async #compareBytes(
    a: Bytes,
    b: Bytes,
    options: ContentCompareOptions,
  ): Promise<ContentComparison> {
    const left = new ByteCursor(a);
    const right = new ByteCursor(b);
    const result = (isEqual: boolean): ContentComparison => ({
      isEqual,
      decidedBy: 'bytes',
      bytesRead: left.bytesRead + right.bytesRead,
      firstDifferenceBytes: isEqual ? undefined : left.position,
    });
    try {
      for (;;) {
        options.signal?.throwIfAborted();
        const [some, other] = [await left.piece(), await right.piece()];
        if (some === undefined || other === undefined) return result(some === other);
        const common = Math.min(some.byteLength, other.byteLength);
        const equal = commonBytes(some.subarray(0, common), other.subarray(0, common));
        left.skip(equal);
        right.skip(equal);
        if (equal < common) return result(false);
      }
    } finally {
      await Promise.all([left.close(), right.close()]);
    }
  }

  async #digests(known: Known): Promise<ContentDigests> {
    if (isReference(known)) {
      return { chunkDigests: await this.#reader.chunkDigests(known), sizeBytes: known.sizeBytes };
    }
    payloadReferenceOf(known.chunkDigests, known.sizeBytes);
    return known;
  }
}

/** Goes through bytes in whatever pieces they come. */
class ByteCursor {
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  #isDone = false;
  position = 0;
  bytesRead = 0;

  constructor(bytes: Bytes) {
    this.#iterator = bytes instanceof Uint8Array ? [bytes].values() : bytes[Symbol.asyncIterator]();
  }

  /** What is next, without moving on. `undefined` at the end. */
  async piece(): Promise<Uint8Array | undefined> {
    while (this.#piece.byteLength === 0) {
      if (this.#isDone) return undefined;
      const next = await this.#iterator.next();
      this.#isDone = next.done === true;
      if (next.done === true) return undefined;
      this.#piece = next.value;
      this.bytesRead += next.value.byteLength;
    }
    return this.#piece;
  }

  skip(bytes: number): void {
    this.#piece = this.#piece.subarray(bytes);
    this.position += bytes;
  }

  async close(): Promise<void> {
    if (!this.#isDone) await this.#iterator.return?.();
  }
}

function isBytes(side: ContentSide): side is Bytes {
  return side instanceof Uint8Array || Symbol.asyncIterator in side;
}

function isReference(side: Known): side is PayloadReference {
  return 'digest' in side;
}

function firstDifference(a: ContentDigests, b: ContentDigests): number | undefined {
  const length = Math.max(a.chunkDigests.length, b.chunkDigests.length);
  for (let index = 0; index < length; index += 1) {
    if (a.chunkDigests[index] !== b.chunkDigests[index]) return index;
  }
  return undefined;
}

/** How many bytes two pieces have in common from their start. */
function commonBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.byteLength, b.byteLength);
  if (Buffer.compare(a.subarray(0, length), b.subarray(0, length)) === 0) return length;
  let at = 0;
  while (a[at] === b[at]) at += 1;
  return at;
}
