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
