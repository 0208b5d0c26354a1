import type { ErrorCategory } from '../errors/dw-error.js';

/** HTTP status that the host answers a `DwError` of each category with. */
export const httpStatusByCategory: Readonly<Record<ErrorCategory, number>> = Object.freeze({
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
});
