import { CONTENT_CHUNK_BYTES } from './payload-reference.js';

/**
 * Cuts bytes into chunks of 64 KiB; the last one is shorter, none is empty.
 *
 * A chunk may be a view into the source: use it before asking for the next.
 *
 * @throws `signal.reason` when aborted, also while the source is silent.
 */
export async function* chunksOf(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const rest = Buffer.allocUnsafe(CONTENT_CHUNK_BYTES);
  let restBytes = 0;
  for await (const piece of source instanceof Uint8Array ? [source] : abortable(source, signal)) {
    signal?.throwIfAborted();
    let at = 0;
    while (at < piece.byteLength) {
      const wanted = CONTENT_CHUNK_BYTES - restBytes;
      if (restBytes === 0 && piece.byteLength - at >= CONTENT_CHUNK_BYTES) {
        yield piece.subarray(at, at + CONTENT_CHUNK_BYTES);
        at += CONTENT_CHUNK_BYTES;
        continue;
      }
      const taken = piece.subarray(at, at + wanted);
      rest.set(taken, restBytes);
      restBytes += taken.byteLength;
      at += taken.byteLength;
      if (restBytes < CONTENT_CHUNK_BYTES) continue;
      yield rest;
      restBytes = 0;
    }
  }
  if (restBytes > 0) yield rest.subarray(0, restBytes);
}

/** Iterates until aborted, even where the source never answers. */
async function* abortable<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  const iterator = source[Symbol.asyncIterator]();
  let isDone = false;
  try {
    for (;;) {
      const result = await orAborted(iterator.next(), signal);
      isDone = result.done === true;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    // Not awaited: a source that hangs would keep us here.
    if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
