import { contentError } from '../errors/content-errors.js';
import { DwError } from '../errors/dw-error.js';
import type { ContentChunks } from './content-chunks.js';
import { type ContentLayout, onlyChunkOf } from './content-layout.js';
import type { ContentRange } from './content-options.js';
import { readValue } from './damaged-values.js';
import { digestsOf, listRoot } from './digest-list.js';
import {
  assertPayloadReference,
  CONTENT_CHUNK_BYTES,
  contentChunkCount,
  type PayloadReference,
} from './payload-reference.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';

/** Chunks that are read before they are asked for. */
const maxChunksAhead = 4;

/** Reads content by its reference. */
export class ContentReader {
  readonly #store: IPersistentBackingStore;
  readonly #layout: ContentLayout;
  readonly #chunks: ContentChunks;

  constructor(store: IPersistentBackingStore, layout: ContentLayout, chunks: ContentChunks) {
    this.#store = store;
    this.#layout = layout;
    this.#chunks = chunks;
  }

  async chunkDigests(reference: PayloadReference): Promise<readonly string[]> {
    assertPayloadReference(reference);
    const { digest, sizeBytes } = reference;
    if (sizeBytes === 0) return [];
    const chunk = onlyChunkOf(digest);
    if (chunk !== undefined) {
      if (await this.#chunks.isPresent(chunk)) return [chunk];
      throw contentError('DW_CONTENT_NOT_FOUND', { details: { digest } });
    }
    const stored = await readValue(this.#store, this.#layout.list(digest));
    if (stored === undefined) throw contentError('DW_CONTENT_NOT_FOUND', { details: { digest } });
    const list = stored.data;
    if (list === undefined || listRoot(list) !== digest) {
      throw contentError('DW_CONTENT_CORRUPT', {
        message: 'The stored chunk list does not match its digest',
        details: { digest },
      });
    }
    const digests = digestsOf(list);
    if (digests.length !== contentChunkCount(sizeBytes)) throw wrongSize(reference);
    return digests;
  }

  async *open(reference: PayloadReference, range: ContentRange): AsyncGenerator<Uint8Array> {
    const { sizeBytes } = reference;
    const { start = 0, end = sizeBytes, signal } = range;
    assertPayloadReference(reference);
    assertRange(start, end, sizeBytes);
    signal?.throwIfAborted();
    const digests = await this.chunkDigests(reference);
    const firstIndex = Math.floor(start / CONTENT_CHUNK_BYTES);
    const wanted = digests.slice(firstIndex, Math.ceil(end / CONTENT_CHUNK_BYTES));
    let chunkStart = firstIndex * CONTENT_CHUNK_BYTES;
    for await (const chunk of this.#readAhead(wanted, reference, signal)) {
      const isWhole = chunk.byteLength === Math.min(CONTENT_CHUNK_BYTES, sizeBytes - chunkStart);
      if (!isWhole) throw wrongSize(reference);
      const piece = chunk.subarray(Math.max(0, start - chunkStart), end - chunkStart);
      if (piece.byteLength > 0) yield piece;
      chunkStart += CONTENT_CHUNK_BYTES;
    }
  }

  /** Yields chunks in order, and reads some ahead while the caller is busy. */
  async *#readAhead(
    digests: readonly string[],
    reference: PayloadReference,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const ahead: Promise<Uint8Array>[] = [];
    for (const [index, digest] of digests.entries()) {
      const chunk = this.#read(digest, reference, signal);
      chunk.catch(() => undefined);
      ahead.push(chunk);
      // One only at first: many want no more than that.
      if (ahead.length > Math.min(index, maxChunksAhead)) yield await (ahead.shift() ?? chunk);
    }
    for (const chunk of ahead) yield await chunk;
  }

  /** Reads a chunk for its own sake; an error names some content that it is part of. */
  async readChunk(digest: string): Promise<Uint8Array> {
    try {
      return await this.#chunks.read(digest);
    } catch (error) {
      if (!DwError.is(error, 'DW_CONTENT_CORRUPT')) throw error;
      throw chunkError('DW_CONTENT_CORRUPT', digest, await this.#userOf(digest));
    }
  }

  async #userOf(digest: string): Promise<string> {
    const prefix = this.#layout.chunkUsesPrefix(digest);
    for await (const path of this.#store.list(prefix, { limit: 1 })) {
      return this.#layout.names(path)[1] ?? '';
    }
    return `sha256:${digest}`;
  }

  async #read(
    digest: string,
    reference: PayloadReference,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    try {
      return await this.#chunks.read(digest, signal && { signal });
    } catch (error) {
      if (!DwError.is(error, 'DW_CONTENT_CORRUPT') && !DwError.is(error, 'DW_CONTENT_NOT_FOUND')) {
        throw error;
      }
      throw chunkError(error.code, digest, reference.digest);
    }
  }
}

function chunkError(
  code: 'DW_CONTENT_CORRUPT' | 'DW_CONTENT_NOT_FOUND',
  chunk: string,
  digest: string,
): Error {
  const what = code === 'DW_CONTENT_CORRUPT' ? 'does not match its digest' : 'is not in this store';
  return contentError(code, {
    message: `Chunk ${chunk} of content ${digest} ${what}`,
    details: { chunk, digest },
  });
}

function assertRange(start: number, end: number, sizeBytes: number): void {
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (isRange && start >= 0 && start <= end && end <= sizeBytes) return;
  throw contentError('DW_CONTENT_RANGE', { details: { start, end, sizeBytes } });
}

function wrongSize({ digest, sizeBytes }: PayloadReference): Error {
  return contentError('DW_CONTENT_BAD_REFERENCE', {
    message: 'The size in the payload reference is not that of the content',
    details: { digest, sizeBytes },
  });
}
