import {
  type Clock,
  type ConcurrencyLimit,
  type ContentStore,
  type HttpRequest,
  type HttpResponse,
  type PayloadReference,
  parseByteRange,
} from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import type { TransferTuner } from './transfer-tuner.js';

export interface PayloadServerOptions {
  readonly content: ContentStore;
  readonly tuner: TransferTuner;
  /** Bounds how many payloads are read at a time. */
  readonly concurrency: ConcurrencyLimit;
  readonly clock: Clock;
}

/** Serves the bytes of payloads, whole or one range at a time. */
export class PayloadServer {
  readonly #options: PayloadServerOptions;

  constructor(options: PayloadServerOptions) {
    this.#options = options;
  }

  /** Answers a request for a payload, as RFC 9110 asks. */
  serve(reference: PayloadReference, request: HttpRequest): HttpResponse {
    const { digest, sizeBytes } = reference;
    const etag = `"${digest}"`;
    const headers = { etag, 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream' };
    const ifRange = request.headers['if-range'];
    const wanted = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
    const range = parseByteRange(wanted, sizeBytes);
    if (range.kind === 'unsatisfiable') return unsatisfiable(sizeBytes);
    const isPart = range.kind === 'part';
    const { start, end } = isPart ? range : { start: 0, end: sizeBytes };
    return {
      status: isPart ? 206 : 200,
      headers: {
        ...headers,
        'content-length': String(end - start),
        ...(isPart && { 'content-range': `bytes ${start}-${end - 1}/${sizeBytes}` }),
      },
      ...(request.method !== 'HEAD' && {
        body: this.#read(reference, { start, end }, request.signal),
      }),
    };
  }

  /** SHA-256 of each chunk of a payload, 32 bytes each. */
  async serveChunkList(reference: PayloadReference): Promise<HttpResponse> {
    const digests = await this.#options.content.chunkDigests(reference);
    const body = Buffer.from(digests.join(''), 'hex');
    return {
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(body.byteLength),
      },
      body,
    };
  }

  async *#read(
    reference: PayloadReference,
    { start, end }: { readonly start: number; readonly end: number },
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const { content, concurrency, tuner, clock } = this.#options;
    const place = await concurrency.enter({ signal });
    const startedMs = clock.monotonicMs();
    try {
      yield* content.open(reference, { start, end, signal });
      tuner.record(end - start, clock.monotonicMs() - startedMs);
    } finally {
      place[Symbol.dispose]();
    }
  }
}

/** The categories of errors have no 416, which download tools expect here. */
function unsatisfiable(sizeBytes: number): HttpResponse {
  const { code, message, hint, retryable, details } = aedsError('DW_AEDS_RANGE_NOT_SATISFIABLE', {
    details: { sizeBytes },
  });
  return {
    status: 416,
    headers: { 'content-range': `bytes */${sizeBytes}` },
    json: { error: { code, message, hint, retryable, details } },
  };
}
