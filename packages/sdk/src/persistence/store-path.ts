import { storeError } from '../errors/store-errors.js';

/** Longest path that a store accepts, in UTF-8 bytes after escaping. */
export const MAX_STORE_PATH_BYTES = 16_384;

const scheme = 'dw://';
const plain = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/**
 * Escapes one segment of a path, reversibly: every byte of its UTF-8 form outside
 * `A-Z a-z 0-9 _ - .`, a leading dot, and the empty segment (`%`).
 *
 * @throws {@link DwError} `DW_STORE_INVALID_PATH` where the text is not well-formed Unicode.
 */
export function escapeSegment(segment: string): string {
  if (plain.test(segment)) return segment;
  if (segment === '') return '%';
  const escaped = percentEncode(segment).replace(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return escaped.startsWith('.') ? `%2E${escaped.slice(1)}` : escaped;
}

function percentEncode(segment: string): string {
  try {
    return encodeURIComponent(segment);
  } catch (cause) {
    throw storeError('DW_STORE_INVALID_PATH', { cause, details: { reason: 'lone surrogate' } });
  }
}

/** Reverses {@link escapeSegment}. */
export function unescapeSegment(escaped: string): string {
  if (escaped === '%') return '';
  try {
    return decodeURIComponent(escaped);
  } catch (cause) {
    throw storeError('DW_STORE_INVALID_PATH', { cause, details: { segment: escaped } });
  }
}

/** Builds a `dw://` path from raw segments, each escaped. */
export function storePath(...segments: readonly string[]): string {
  return scheme + segments.map(escapeSegment).join('/');
}

/** Builds the prefix below which {@link storePath} puts everything that starts with `segments`. */
export function storePrefix(...segments: readonly string[]): string {
  return `${storePath(...segments)}/`;
}

/** Splits a path into its raw segments. */
export function storePathSegments(path: string): readonly string[] {
  assertStorePath(path);
  return path.slice(scheme.length).split('/').map(unescapeSegment);
}

/**
 * Refuses what is no path of a store.
 *
 * @throws {@link DwError} `DW_STORE_INVALID_PATH`.
 */
export function assertStorePath(path: string): void {
  if (
    !path.startsWith(scheme) ||
    path.length > MAX_STORE_PATH_BYTES ||
    !path.isWellFormed() ||
    Buffer.byteLength(path) > MAX_STORE_PATH_BYTES
  ) {
    throw storeError('DW_STORE_INVALID_PATH', { details: { path: path.slice(0, 200) } });
  }
}

/** Writes a sequence as 20 digits, so that byte order is numeric order. */
export function sequenceSegment(sequence: number): string {
  return String(sequence).padStart(20, '0');
}

/** Compares two paths as a store orders them: by their UTF-8 bytes. */
export function compareStorePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates behind the other code units, since what they encode lies behind them in UTF-8. */
function codePointRank(codeUnit: number): number {
  if (codeUnit >= 0xe000) return codeUnit - 0x800;
  return codeUnit >= 0xd800 ? codeUnit + 0x2000 : codeUnit;
}
