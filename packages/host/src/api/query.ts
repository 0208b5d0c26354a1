import { apiError } from './api-errors.js';

/**
 * Decodes the query of an address; the last of repeated names counts.
 *
 * @param url - Path with query, as sent.
 * @throws DwError `DW_API_BAD_ENCODING`.
 */
export function parseQuery(url: string): Readonly<Record<string, string>> {
  const query: Record<string, string> = {};
  const start = url.indexOf('?');
  if (start < 0) return query;
  for (const pair of url.slice(start + 1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
    // Defined, not assigned: a name such as __proto__ is a name like any other.
    Object.defineProperty(query, name, { value, enumerable: true, configurable: true });
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw apiError('DW_API_BAD_ENCODING', {
      message: 'The query is not correctly percent-encoded',
      cause,
    });
  }
}
