import { DwError, type HttpResponse } from '@datawarehouse/sdk';
import { apiError } from './api-errors.js';
import { statusOf } from './error-status.js';
import { jsonSafe } from './json-safe.js';

/**
 * What a failed request is answered with. Only a `DwError` is shown; what anything else says stays
 * in the log.
 */
export function errorResponse(error: unknown): HttpResponse & { readonly status: number } {
  const shown = DwError.is(error) ? error : apiError('DW_API_INTERNAL');
  const { code, message, hint, retryable } = shown;
  const details = jsonSafe(shown.details);
  return {
    status: statusOf(shown),
    headers: extraHeaders(shown),
    json: { error: { code, message, hint, retryable, details } },
  };
}

function extraHeaders({ code, details }: DwError): Readonly<Record<string, string>> {
  const { allowed, retryAfterMs } = details;
  if (code === 'DW_API_UNAUTHENTICATED') {
    return { 'www-authenticate': 'Bearer realm="datawarehouse"' };
  }
  if (code === 'DW_API_METHOD_NOT_ALLOWED' && Array.isArray(allowed)) {
    return { allow: allowed.join(', ') };
  }
  if (typeof retryAfterMs === 'number' && retryAfterMs >= 0 && Number.isFinite(retryAfterMs)) {
    return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) };
  }
  return {};
}
