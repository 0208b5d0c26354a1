import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { DwError } from '@datawarehouse/sdk';
import { apiError } from './api-errors.js';
import { errorResponse } from './error-response.js';

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/**
 * Answers what is not even a request: bytes that are no HTTP, heads that are too long or too slow,
 * bodies that end early.
 *
 * @param answer - The answer that is under way on the connection, if any.
 */
export function answerClientError(
  error: Error & { readonly code?: string },
  socket: Socket,
  answer: ServerResponse | undefined,
): void {
  const isAnswering = answer?.headersSent === true && !answer.writableFinished;
  if (!socket.writable || error.code === 'ECONNRESET' || isAnswering) {
    socket.destroy();
    return;
  }
  const { status, json } = errorResponse(toApiError(error));
  const body = Buffer.from(JSON.stringify(json));
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Bad Request'}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${body.byteLength}`,
    'connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
  socket.destroySoon();
}

function toApiError(cause: Error & { readonly code?: string }): DwError {
  switch (cause.code) {
    case 'HPE_HEADER_OVERFLOW':
      return apiError('DW_API_HEADERS_TOO_LARGE', { cause });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return apiError('DW_API_REQUEST_TIMEOUT', { cause });
    case 'HPE_INVALID_EOF_STATE':
      return apiError('DW_API_BODY_INCOMPLETE', { cause });
    default:
      return apiError('DW_API_MALFORMED_REQUEST', { cause });
  }
}
