import type { DwError, ErrorCategory } from '@datawarehouse/sdk';

const byCategory: Readonly<Record<ErrorCategory, number>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  notFound: 404,
  conflict: 409,
  tooLarge: 413,
  exhausted: 429,
  unavailable: 503,
  timeout: 504,
  corrupt: 500,
  internal: 500,
};

/** Where HTTP has a status that says more than the category. */
const byCode: Readonly<Record<string, number | undefined>> = {
  DW_API_METHOD_NOT_ALLOWED: 405,
  DW_API_REQUEST_TIMEOUT: 408,
  DW_API_URL_TOO_LONG: 414,
  DW_API_HEADERS_TOO_LARGE: 431,
};

/** HTTP status of an error. */
export function statusOf(error: DwError): number {
  return byCode[error.code] ?? byCategory[error.category];
}
