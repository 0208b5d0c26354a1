import { createHash } from 'node:crypto';
import { contentError } from '../errors/content-errors.js';

/** Size of a chunk of a content store, in bytes. */
export const CONTENT_CHUNK_BYTES = 65_536;

/**
 * Names the bytes of a payload by what they are.
 *
 * `digest` is `sha256:<hex>` of the bytes themselves where they fit one chunk, and
 * `sha256-chunks:<hex>` where they do not: SHA-256 over the concatenated 32-byte SHA-256 digests
 * of the chunks, in order.
 */
export interface PayloadReference {
  /** Root digest, lower-case hexadecimal behind its kind. */
  readonly digest: string;
  /** Length of the payload in bytes. */
  readonly sizeBytes: number;
}

const digestPattern = /^sha256(?:-chunks)?:[0-9a-f]{64}$/;

/**
 * Checks a reference that came from outside.
 *
 * @throws {@link DwError} `DW_CONTENT_BAD_REFERENCE`.
 */
export function assertPayloadReference(reference: PayloadReference): void {
  const { digest, sizeBytes } = reference;
  const isSingle = sizeBytes <= CONTENT_CHUNK_BYTES;
  if (
    !Number.isSafeInteger(sizeBytes) ||
    sizeBytes < 0 ||
    !digestPattern.test(digest) ||
    isSingle !== digest.startsWith('sha256:')
  ) {
    throw contentError('DW_CONTENT_BAD_REFERENCE', { details: { digest, sizeBytes } });
  }
}

const chunkDigestPattern = /^[0-9a-f]{64}$/;

/** Number of chunks that content of `sizeBytes` has; empty content has none. */
export function contentChunkCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / CONTENT_CHUNK_BYTES);
}

/**
 * Returns the reference of content from the digests of its chunks, without a store.
 *
 * @param chunkDigests - SHA-256 of each 64 KiB chunk in order, lower-case hexadecimal; none for
 *   empty content.
 * @param sizeBytes - Length of the content.
 * @throws {@link DwError} `DW_CONTENT_BAD_REFERENCE` where digests and size do not fit.
 */
export function payloadReferenceOf(
  chunkDigests: readonly string[],
  sizeBytes: number,
): PayloadReference {
  const fits =
    Number.isSafeInteger(sizeBytes) &&
    sizeBytes >= 0 &&
    chunkDigests.length === contentChunkCount(sizeBytes) &&
    chunkDigests.every((digest) => chunkDigestPattern.test(digest));
  if (!fits) {
    throw contentError('DW_CONTENT_BAD_REFERENCE', {
      message: 'The chunk digests do not fit the size of the content',
      details: { chunkCount: chunkDigests.length, sizeBytes },
    });
  }
  const [first, second] = chunkDigests;
  if (first !== undefined && second === undefined) return { digest: `sha256:${first}`, sizeBytes };
  const root = createHash('sha256');
  for (const digest of chunkDigests) root.update(digest, 'hex');
  const kind = first === undefined ? 'sha256' : 'sha256-chunks';
  return { digest: `${kind}:${root.digest('hex')}`, sizeBytes };
}
