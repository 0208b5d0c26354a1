import { contentError } from '../errors/content-errors.js';

/**
 * Reads a stream of bytes to its end, into one array.
 *
 * @param source - What to read, such as the body of a request.
 * @param maxBytes - Most bytes to hold.
 * @throws {@link DwError} `DW_CONTENT_TOO_LARGE`; the source is ended then.
 */
export async function collectBytes(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    size += piece.byteLength;
    if (size > maxBytes) throw contentError('DW_CONTENT_TOO_LARGE', { details: { maxBytes } });
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}
