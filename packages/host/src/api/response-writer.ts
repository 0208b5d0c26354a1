import { type ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { HttpResponse } from '@datawarehouse/sdk';

/** How an answer is written. */
export interface WriteOptions {
  /** Whether only the head is wanted. */
  readonly isHead: boolean;
  /** Headers that come before those of the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest wait for a client that takes nothing. */
  readonly idleMs: number;
}

type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly type: string | undefined }
  | {
      readonly kind: 'stream';
      readonly first: IteratorResult<Uint8Array>;
      readonly iterator: AsyncIterator<Uint8Array>;
    };

/**
 * Writes an answer with backpressure. Resolves when it has been handed over in full.
 *
 * A body that fails before its first bytes leaves the head unwritten, so that an error can be
 * answered; one that fails later ends the connection, so that the client does not take what it got
 * for the whole. So does a client that takes nothing for too long.
 */
export async function writeResponse(
  target: ServerResponse,
  response: HttpResponse,
  options: WriteOptions,
): Promise<void> {
  const body = await openBody(response, options.isHead);
  try {
    writeHead(target, response, body, options);
    if (options.isHead || body.kind === 'none') target.end();
    else if (body.kind === 'bytes') {
      limitIdling(target, options.idleMs);
      target.end(body.bytes);
    } else await pipeline(pieces(body, target, options.idleMs), target);
  } finally {
    if (body.kind === 'stream') leave(body.iterator);
  }
}

async function openBody(response: HttpResponse, isHead: boolean): Promise<Body> {
  const { json, body } = response;
  if (body instanceof Uint8Array) return { kind: 'bytes', bytes: body, type: undefined };
  if (body !== undefined) {
    const iterator = body[Symbol.asyncIterator]();
    const first = isHead ? { done: true, value: undefined } : await iterator.next();
    return { kind: 'stream', first, iterator } as Body;
  }
  if (json === undefined) return { kind: 'none' };
  const bytes = Buffer.from(JSON.stringify(json));
  return { kind: 'bytes', bytes, type: 'application/json; charset=utf-8' };
}

function writeHead(
  target: ServerResponse,
  response: HttpResponse,
  body: Body,
  { headers }: WriteOptions,
): void {
  const hasBody = response.json !== undefined || response.body !== undefined;
  const status = response.status ?? (hasBody ? 200 : 204);
  // A body that is shorter or longer than announced must not pass for whole.
  target.strictContentLength = true;
  const ownHeaders = checkedHeaders(response.headers ?? {});
  const lengthOf = body.kind === 'bytes' ? body.bytes.byteLength : 0;
  const isBodiless = status === 204 || status === 304;
  target.writeHead(status, {
    ...(body.kind === 'bytes' && body.type !== undefined && { 'content-type': body.type }),
    ...(body.kind !== 'stream' && !isBodiless && { 'content-length': lengthOf }),
    ...headers,
    ...ownHeaders,
  });
}

/** Headers as they can be sent: checked, and each name in one spelling. */
function checkedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // A head that fails halfway cannot be written again.
    validateHeaderName(name);
    validateHeaderValue(name, value);
    checked[name.toLowerCase()] = value;
  }
  return checked;
}

/** Lets a source clean up, without waiting for one that hangs; its failure changes nothing any more. */
function leave(iterator: AsyncIterator<Uint8Array>): void {
  iterator.return?.().then(undefined, () => undefined);
}

/** Yields a body. The time that its source takes is none of the client's. */
async function* pieces(
  { first, iterator }: Extract<Body, { readonly kind: 'stream' }>,
  target: ServerResponse,
  idleMs: number,
): AsyncGenerator<Uint8Array, void, void> {
  let next = first;
  while (next.done !== true) {
    limitIdling(target, idleMs);
    yield next.value;
    limitIdling(target, 0);
    next = await iterator.next();
  }
  limitIdling(target, idleMs);
}

/** Ends the connection when nothing moves on it for so long; 0 for no limit. The next request lifts it. */
function limitIdling(target: ServerResponse, idleMs: number): void {
  target.socket?.setTimeout(idleMs);
}
