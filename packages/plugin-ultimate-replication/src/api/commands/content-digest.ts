import { createHash, type Hash } from 'node:crypto';
import { CONTENT_CHUNK_BYTES, payloadReferenceOf } from '@datawarehouse/sdk';

/** Computes the digest of content as it streams by. */
export class ContentDigest {
  readonly #chunks: string[] = [];
  #chunk: Hash = createHash('sha256');
  #chunkBytes = 0;
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  update(data: Uint8Array): void {
    let at = 0;
    while (at < data.byteLength) {
      const piece = data.subarray(at, at + CONTENT_CHUNK_BYTES - this.#chunkBytes);
      this.#chunk.update(piece);
      this.#chunkBytes += piece.byteLength;
      at += piece.byteLength;
      if (this.#chunkBytes === CONTENT_CHUNK_BYTES) this.#endChunk();
    }
    this.#sizeBytes += data.byteLength;
  }

  /** Ends, and returns the digest as a payload reference has it. */
  end(): string {
    if (this.#chunkBytes > 0) this.#endChunk();
    return payloadReferenceOf(this.#chunks, this.#sizeBytes).digest;
  }

  #endChunk(): void {
    this.#chunks.push(this.#chunk.digest('hex'));
    this.#chunk = createHash('sha256');
    this.#chunkBytes = 0;
  }
}
