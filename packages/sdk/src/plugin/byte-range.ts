/** What a `Range` header asks for. */
export type ByteRange =
  | { readonly kind: 'whole' }
  /** Bytes from `start` up to, and without, `end`; at least one. */
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  /** The part lies outside: answer with 416. */
  | { readonly kind: 'unsatisfiable' };

const single = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * Reads a `Range` header (RFC 9110, 14.2). What it does not understand, another unit and several
 * ranges among them, asks for the whole.
 *
 * @param header - The header as it came; `undefined` where there is none, or `If-Range` forbids it.
 * @param sizeBytes - Size of the whole.
 */
export function parseByteRange(header: string | undefined, sizeBytes: number): ByteRange {
  const [, first, last] = single.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    return { kind: 'whole' };
  }
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    if (length === 0) return { kind: 'unsatisfiable' };
    return { kind: 'part', start: sizeBytes - length, end: sizeBytes };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== '' && Number(last) < start) return { kind: 'whole' };
  return start >= sizeBytes ? { kind: 'unsatisfiable' } : { kind: 'part', start, end };
}
