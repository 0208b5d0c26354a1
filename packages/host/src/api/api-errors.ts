import { type ErrorTable, errorBuilder } from '@datawarehouse/sdk';

/** Every code that the HTTP API itself answers with. */
export const apiErrors = {
  DW_API_NOT_FOUND: {
    message: 'There is nothing at this address',
    hint: 'Check the path, and that the plugin that serves it is running.',
    category: 'notFound',
  },
  DW_API_METHOD_NOT_ALLOWED: {
    message: 'The address does not take this method',
    hint: 'Use one of the methods in details.allowed.',
    category: 'invalid',
  },
  DW_API_UNAUTHENTICATED: {
    message: 'The access token is missing or wrong',
    hint: 'Send the header "Authorization: Bearer <token>"; the token is in the node’s data directory.',
    category: 'unauthenticated',
  },
  DW_API_MALFORMED_REQUEST: {
    message: 'The request is not valid HTTP',
    hint: 'Check the client, and what is between it and this node.',
    category: 'invalid',
  },
  DW_API_BAD_ENCODING: {
    message: 'The address is not correctly percent-encoded',
    hint: 'Encode each segment and each query value as UTF-8 with percent signs.',
    category: 'invalid',
  },
  DW_API_URL_TOO_LONG: {
    message: 'A segment of the address is too long',
    hint: 'Use a shorter name.',
    category: 'tooLarge',
  },
  DW_API_HEADERS_TOO_LARGE: {
    message: 'The head of the request is too large',
    hint: 'Send shorter headers and a shorter address.',
    category: 'tooLarge',
  },
  DW_API_MALFORMED_JSON: {
    message: 'The body is not valid JSON',
    hint: 'Send JSON in UTF-8.',
    category: 'invalid',
  },
  DW_API_INVALID_BODY: {
    message: 'The body does not have the expected shape',
    hint: 'Correct the fields that details.issues names.',
    category: 'invalid',
  },
  DW_API_BODY_TOO_LARGE: {
    message: 'The body is larger than the limit',
    hint: 'Send at most details.maxBytes bytes.',
    category: 'tooLarge',
  },
  DW_API_BODY_INCOMPLETE: {
    message: 'The body ended before its announced length',
    hint: 'Send the request again, with a content-length that is right.',
    category: 'invalid',
    retryable: true,
  },
  DW_API_REQUEST_TIMEOUT: {
    message: 'The request did not arrive in time',
    hint: 'Send it again over a better connection.',
    category: 'timeout',
    retryable: true,
  },
  DW_API_BODY_CONSUMED: {
    message: 'The body was read before',
    hint: 'Read the body once; keep what is needed again.',
    category: 'internal',
  },
  DW_API_CLIENT_GONE: {
    message: 'The client closed the connection',
    hint: 'Send the request again, and wait for its answer.',
    category: 'unavailable',
  },
  DW_API_UNKNOWN_PLUGIN: {
    message: 'No such plugin is configured',
    hint: 'See `dw plugins list`.',
    category: 'notFound',
  },
  DW_API_METRICS_FAILED: {
    message: 'The subsystem could not tell its metrics',
    hint: 'Look into the node’s log; tell the author of the plugin.',
    category: 'internal',
  },
  DW_API_INTERNAL: {
    message: 'The node failed to handle the request',
    hint: 'Look into the node’s log, under the request id of the x-request-id header.',
    category: 'internal',
  },
} as const satisfies ErrorTable;

/** A key of {@link apiErrors}. */
export type ApiErrorCode = keyof typeof apiErrors;

/** Builds an error of the HTTP API. */
export const apiError = errorBuilder<ApiErrorCode>(apiErrors);
