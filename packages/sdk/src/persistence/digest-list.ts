import { createHash, hash } from 'node:crypto';
import { CONTENT_CHUNK_BYTES, type PayloadReference } from './payload-reference.js';

/** Bytes of a SHA-256 digest. */
export const digestBytes = 32;

/** A list of SHA-256 digests, 32 bytes each: what a root digest covers. */
export class DigestList {
  #bytes = Buffer.allocUnsafe(64 * digestBytes);
  #count = 0;

  static of(digests: readonly string[]): DigestList {
    const list = new DigestList();
    for (const digest of digests) list.push(Buffer.from(digest, 'hex'));
    return list;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * digestBytes);
  }

  /** The reference of the content whose chunks these are. */
  reference(sizeBytes: number): PayloadReference {
    if (this.#count === 1) {
      return { digest: `sha256:${this.#bytes.toString('hex', 0, digestBytes)}`, sizeBytes };
    }
    if (this.#count > 1) return { digest: listRoot(this.bytes), sizeBytes };
    return { digest: `sha256:${createHash('sha256').digest('hex')}`, sizeBytes };
  }

  /** Some of the digests, hexadecimal. */
  slice(start: number, end: number): string[] {
    return digestsOf(this.bytes.subarray(start * digestBytes, end * digestBytes));
  }

  /** Adds one or more digests, 32 bytes each. */
  push(digests: Uint8Array): void {
    const at = this.#count * digestBytes;
    const end = at + digests.byteLength;
    if (end > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], Math.max(end, this.#bytes.length * 2));
    }
    this.#bytes.set(digests, at);
    this.#count = end / digestBytes;
  }
}

/** The digests of the chunks of some bytes. */
export function hashChunks(data: Uint8Array): Uint8Array {
  const count = Math.ceil(data.byteLength / CONTENT_CHUNK_BYTES);
  const digests = new Uint8Array(count * digestBytes);
  for (let index = 0; index < count; index += 1) {
    const start = index * CONTENT_CHUNK_BYTES;
    const chunk = data.subarray(start, start + CONTENT_CHUNK_BYTES);
    digests.set(hash('sha256', chunk, 'buffer'), index * digestBytes);
  }
  return digests;
}

/** The root digest of content of several chunks. */
export function listRoot(list: Uint8Array): string {
  return `sha256-chunks:${createHash('sha256').update(list).digest('hex')}`;
}

/** Splits a list into hexadecimal digests. */
export function digestsOf(list: Uint8Array): string[] {
  const bytes = Buffer.from(list.buffer, list.byteOffset, list.byteLength);
  const digests: string[] = [];
  for (let at = 0; at < bytes.length; at += digestBytes) {
    digests.push(bytes.toString('hex', at, at + digestBytes));
  }
  return digests;
}
