import { createHash } from 'node:crypto';
import { sha256Hex } from '../distributed/request-signature.js';
import { contentError } from '../errors/content-errors.js';
import { chunksOf } from './content-chunker.js';
import type {
  ContentAssembleOptions,
  ContentFetch,
  ContentStageOptions,
  StagedContent,
} from './content-options.js';
import type { PinSet } from './content-pins.js';
import { ContentWriter, type ContentWriterOptions } from './content-writer.js';
import { DigestList } from './digest-list.js';
import {
  assertPayloadReference,
  CONTENT_CHUNK_BYTES,
  type PayloadReference,
  payloadReferenceOf,
} from './payload-reference.js';

/** Most chunks that one call of `fetch` is asked for. */
const maxFetchDigests = 64;

/** Staged content whose pins somebody else holds. */
export type StagedParts = Omit<StagedContent, keyof Disposable>;

/** Takes content in, from a stream or from chunks that others have. */
export class ContentStager {
  readonly #options: ContentWriterOptions & { readonly maxContentBytes: number };

  constructor(options: ContentWriterOptions & { readonly maxContentBytes: number }) {
    this.#options = options;
  }

  async stage(
    source: Uint8Array | AsyncIterable<Uint8Array>,
    { owner, maxBytes = Infinity, signal }: ContentStageOptions,
    pins: PinSet,
  ): Promise<StagedParts> {
    signal?.throwIfAborted();
    const limitBytes = Math.min(maxBytes, this.#options.maxContentBytes);
    const writer = new ContentWriter(this.#options);
    const list = new DigestList();
    let sizeBytes = 0;
    for await (const chunk of chunksOf(source, signal)) {
      sizeBytes += chunk.byteLength;
      assertSize(sizeBytes, limitBytes);
      const digest = createHash('sha256').update(chunk).digest();
      const hex = digest.toString('hex');
      list.push(digest);
      if (pins.add(hex)) await writer.add(hex, chunk);
    }
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
    const writer = new ContentWriter(this.#options);
    for (let at = 0; at < missing.length; at += maxFetchDigests) {
      signal?.throwIfAborted();
      const wanted = missing.slice(at, at + maxFetchDigests);
      const fetched = await fetch(wanted, signal);
      for (const [index, digest] of wanted.entries()) {
        await writer.add(digest, verified(digest, fetched[index]));
      }
    }
    signal?.throwIfAborted();
    const list = DigestList.of(digests);
    return { reference, operations: await writer.finish(reference, list, owner) };
  }
}

function assertSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  throw contentError('DW_CONTENT_TOO_LARGE', { details: { sizeBytes, maxBytes } });
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
