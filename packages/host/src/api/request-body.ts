import type { IncomingMessage } from 'node:http';
import { type Clock, collectBytes, type DwError } from '@datawarehouse/sdk';
import { apiError } from './api-errors.js';

/** How a {@link RequestBody} is read. */
export interface RequestBodyOptions {
  readonly clock: Clock;
  /** Most bytes; more fail. Default: no limit. */
  readonly maxBytes?: number | undefined;
  /** Longest wait for the next bytes. */
  readonly idleMs: number;
  /** Ends the reading with its reason. */
  readonly signal: AbortSignal;
}

/**
 * The body of a request as it arrives, read once. Leaving it early leaves the connection usable for
 * the answer, which the stream of Node would destroy.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #source: IncomingMessage;
  readonly #options: RequestBodyOptions;
  #isRead = false;

  constructor(source: IncomingMessage, options: RequestBodyOptions) {
    this.#source = source;
    this.#options = options;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    if (this.#isRead) throw apiError('DW_API_BODY_CONSUMED');
    this.#isRead = true;
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#options;
    const pieces = this.#source.iterator({ destroyOnReturn: false });
    let sizeBytes = 0;
    try {
      for (;;) {
        const next = await this.#interruptible(pieces.next());
        if (next.done === true) return;
        const piece = next.value as Uint8Array;
        sizeBytes += piece.byteLength;
        if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
        yield piece;
      }
    } finally {
      // Not awaited: after an interruption it comes behind the bytes that never arrive.
      void pieces.return?.();
    }
  }

  /** Waits for the next bytes, but no longer than a client may idle. */
  #interruptible<T>(next: Promise<T>): Promise<T> {
    const { clock, idleMs, signal } = this.#options;
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      const timer = clock.setTimeout(
        () => settle(() => reject(apiError('DW_API_REQUEST_TIMEOUT', { details: { idleMs } }))),
        idleMs,
      );
      const settle = (how: () => void): void => {
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', onAbort);
        how();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      next.then(
        (result) => settle(() => resolve(result)),
        (cause: unknown) => settle(() => reject(apiError('DW_API_BODY_INCOMPLETE', { cause }))),
      );
    });
  }
}

/** The error for a body over its limit. */
export function tooLarge(maxBytes: number): DwError {
  return apiError('DW_API_BODY_TOO_LARGE', {
    message: `The body is larger than ${maxBytes} bytes`,
    details: { maxBytes },
  });
}

/**
 * Reads a body as JSON; an empty one is `undefined`.
 *
 * @throws DwError `DW_API_BODY_TOO_LARGE`, `DW_API_MALFORMED_JSON`.
 */
export async function readJson(body: RequestBody, maxBytes: number): Promise<unknown> {
  const bytes = await collectBytes(body, maxBytes);
  if (bytes.byteLength === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : 'it is not UTF-8';
    throw apiError('DW_API_MALFORMED_JSON', {
      message: `The body is not valid JSON: ${reason}`,
      cause,
    });
  }
}
