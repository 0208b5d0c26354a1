import { sha256Hex } from '../distributed/request-signature.js';
import { contentError } from '../errors/content-errors.js';
import type { ContentHasher, HashedSlab } from './content-hasher.js';
import type { ContentMediumChunk } from './content-medium.js';
import type {
  ContentAssembleOptions,
  ContentFetch,
  ContentStageOptions,
  StagedContent,
} from './content-options.js';
import { OverlappingWork } from './content-overlap.js';
import type { PinSet } from './content-pins.js';
import { assertSize, hashedSlabs, type SlabPool } from './content-slabs.js';
import { ContentWriter, type ContentWriterOptions } from './content-writer.js';
import { DigestList, digestsOf } from './digest-list.js';
import {
  assertPayloadReference,
  CONTENT_CHUNK_BYTES,
  type PayloadReference,
  payloadReferenceOf,
} from './payload-reference.js';

/** Most chunks that one call of `fetch` is asked for. */
const maxFetchDigests = 64;

/** Slabs of one stage that are looked up and written at a time. */
const maxOverlappingWrites = 3;

/** Staged content whose pins somebody else holds. */
export type StagedParts = Omit<StagedContent, keyof Disposable>;

/** Options of {@link ContentStager}. */
export interface ContentStagerOptions extends ContentWriterOptions {
  readonly maxContentBytes: number;
  readonly hasher: ContentHasher;
  readonly pool: SlabPool;
}

/** Takes content in, from a stream or from chunks that others have. */
export class ContentStager {
  readonly #options: ContentStagerOptions;

  constructor(options: ContentStagerOptions) {
    this.#options = options;
  }

  async stage(
    source: Uint8Array | AsyncIterable<Uint8Array>,
    { owner, maxBytes = Infinity, signal }: ContentStageOptions,
    pins: PinSet,
  ): Promise<StagedParts> {
    signal?.throwIfAborted();
    await using writer = new ContentWriter(this.#options);
    const list = new DigestList();
    let sizeBytes = 0;
    const slabs = hashedSlabs(source, {
      ...{ hasher: this.#options.hasher, pool: this.#options.pool, signal },
      maxBytes: Math.min(maxBytes, this.#options.maxContentBytes),
    });
    await using writes = new OverlappingWork(maxOverlappingWrites);
    for await (const slab of slabs) {
      sizeBytes += slab.sizeBytes;
      list.push(slab.digests);
      const chunks = chunksIn(slab).filter(({ digest }) => pins.add(digest));
      await writes.add(async () => {
        try {
          await writer.add(chunks);
        } finally {
          slab[Symbol.dispose]();
        }
      });
    }
    await writes.finish();
    signal?.throwIfAborted();
    const reference = list.reference(sizeBytes);
    pins.add(reference.digest);
    return { reference, operations: await writer.finish(reference, list, owner) };
  }

  async assemble(
    reference: PayloadReference,
    digests: readonly string[],
    fetch: ContentFetch,
    { owner, signal }: ContentAssembleOptions,
    pins: PinSet,
  ): Promise<StagedParts> {
    signal?.throwIfAborted();
    const { chunks, pins: allPins, maxContentBytes } = this.#options;
    assertSize(reference.sizeBytes, maxContentBytes);
    assertAddUp(reference, digests);
    for (const digest of digests) pins.add(digest);
    pins.add(reference.digest);
    await allPins.settled();
    const missing = await chunks.missing(digests);
    await using writer = new ContentWriter(this.#options);
    for (let at = 0; at < missing.length; at += maxFetchDigests) {
      signal?.throwIfAborted();
      const wanted = missing.slice(at, at + maxFetchDigests);
      const fetched = await fetch(wanted, signal);
      await writer.add(
        wanted.map((digest, index) => ({ digest, data: verified(digest, fetched[index]) })),
      );
    }
    signal?.throwIfAborted();
    const list = DigestList.of(digests);
    return { reference, operations: await writer.finish(reference, list, owner) };
  }
}

function chunksIn({ buffer, sizeBytes, digests }: HashedSlab): readonly ContentMediumChunk[] {
  return digestsOf(digests).map((digest, index) => {
    const start = index * CONTENT_CHUNK_BYTES;
    const length = Math.min(CONTENT_CHUNK_BYTES, sizeBytes - start);
    return { digest, data: new Uint8Array(buffer, start, length) };
  });
}

function assertAddUp(reference: PayloadReference, digests: readonly string[]): void {
  assertPayloadReference(reference);
  if (payloadReferenceOf(digests, reference.sizeBytes).digest === reference.digest) return;
  throw contentError('DW_CONTENT_MISMATCH', {
    message: 'The chunk digests do not add up to the reference',
    details: { digest: reference.digest },
  });
}

function verified(digest: string, chunk: Uint8Array | undefined): Uint8Array {
  if (
    chunk !== undefined &&
    chunk.byteLength <= CONTENT_CHUNK_BYTES &&
    sha256Hex(chunk) === digest
  ) {
    return chunk;
  }
  throw contentError('DW_CONTENT_MISMATCH', {
    details: { chunk: digest, sizeBytes: chunk?.byteLength },
  });
}
