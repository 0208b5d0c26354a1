import { createHash, type Hash } from 'node:crypto';
import { CONTENT_CHUNK_BYTES } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import { MAX_INLINE_CHUNKS } from '../manifests/intent-manifest.js';

/** What a manifest says of a payload's bytes. */
export interface PayloadDigests {
  readonly sizeBytes: number;
  /** SHA-256 of the whole, lower-case hexadecimal behind its kind. */
  readonly contentHash: string;
  /** SHA-256 of each chunk; absent where there are more than a manifest carries. */
  readonly chunkHashes?: readonly string[];
}

/** Digests a payload while it streams past. */
export class PayloadDigester {
  readonly #maxBytes: number;
  readonly #whole = createHash('sha256');
  readonly #chunkHashes: string[] = [];
  #chunk: Hash | undefined;
  #chunkBytes = 0;
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Hands the bytes on as they are. */
  async *pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      this.#sizeBytes += piece.byteLength;
      if (this.#sizeBytes > this.#maxBytes) {
        throw aedsError('DW_AEDS_PAYLOAD_TOO_LARGE', { details: { maxBytes: this.#maxBytes } });
      }
      this.#whole.update(piece);
      this.#digestChunks(piece);
      yield piece;
    }
  }

  /** Call once, at the end. */
  finish(): PayloadDigests {
    if (this.#chunkBytes > 0) this.#finishChunk();
    return {
      sizeBytes: this.#sizeBytes,
      contentHash: `sha256:${this.#whole.digest('hex')}`,
      ...(this.#chunkHashes.length <= MAX_INLINE_CHUNKS && { chunkHashes: this.#chunkHashes }),
    };
  }

  #digestChunks(piece: Uint8Array): void {
    // One more than fit tells that there are too many; the rest is not worth the work.
    for (let at = 0; at < piece.byteLength && this.#chunkHashes.length <= MAX_INLINE_CHUNKS; ) {
      const part = piece.subarray(at, at + CONTENT_CHUNK_BYTES - this.#chunkBytes);
      this.#chunk ??= createHash('sha256');
      this.#chunk.update(part);
      this.#chunkBytes += part.byteLength;
      at += part.byteLength;
      if (this.#chunkBytes === CONTENT_CHUNK_BYTES) this.#finishChunk();
    }
  }

  #finishChunk(): void {
    if (this.#chunk !== undefined) this.#chunkHashes.push(this.#chunk.digest('hex'));
    this.#chunk = undefined;
    this.#chunkBytes = 0;
  }
}
