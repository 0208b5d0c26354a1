import { contentError } from '../errors/content-errors.js';
import type { ContentHasher, HashedSlab, Slab } from './content-hasher.js';
import { CONTENT_CHUNK_BYTES } from './payload-reference.js';

/** Largest slab, and the only size that is used again. */
const largeSlabBytes = 16 * CONTENT_CHUNK_BYTES;
/** Each slab of a stream is this many times as large as the one before, so that little takes little. */
const growth = 4;
/** Slabs that one stream has under way. */
const maxSlabsAhead = 4;
/** Large slabs that all streams have, beyond one each. */
const maxLargeSlabs = 16;

/** Memory for slabs. */
export class SlabPool {
  readonly #free: ArrayBuffer[] = [];
  #takenCount = 0;

  /** Whether a stream should use what it has first. */
  get isExhausted(): boolean {
    return this.#takenCount >= maxLargeSlabs;
  }

  take(sizeBytes: number): ArrayBuffer {
    if (sizeBytes === largeSlabBytes) {
      this.#takenCount += 1;
      const free = this.#free.pop();
      if (free !== undefined) return free;
    }
    // Its own memory, not zeroed: it is written before it is read.
    return Buffer.allocUnsafeSlow(sizeBytes).buffer;
  }

  /** Ends what {@link take} began. Without a buffer where it was lost with a worker. */
  give(sizeBytes: number, buffer: ArrayBuffer | undefined): void {
    if (sizeBytes !== largeSlabBytes) return;
    this.#takenCount -= 1;
    if (buffer !== undefined && this.#free.length < maxLargeSlabs) this.#free.push(buffer);
  }
}

/** What {@link hashedSlabs} works with. */
export interface SlabOptions {
  readonly hasher: ContentHasher;
  readonly pool: SlabPool;
  /** Most bytes of the source. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A hashed slab on loan. */
export interface LentSlab extends HashedSlab, Disposable {
  /** Gives its memory back, to be used again. */
  [Symbol.dispose](): void;
}

/**
 * Copies bytes into slabs and hashes their chunks, some slabs ahead.
 *
 * Every slab that is yielded has to be disposed.
 *
 * @throws `DW_CONTENT_TOO_LARGE`; `signal.reason` when aborted, also while the source is silent.
 */
export async function* hashedSlabs(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  { hasher, pool, ...options }: SlabOptions,
): AsyncGenerator<LentSlab> {
  const ahead: { readonly takenBytes: number; readonly slab: Promise<HashedSlab> }[] = [];
  const next = async function* (): AsyncGenerator<LentSlab> {
    const first = ahead[0];
    if (first === undefined) return;
    const slab = await first.slab;
    ahead.shift();
    yield {
      ...slab,
      [Symbol.dispose]: () => {
        pool.give(first.takenBytes, slab.buffer);
      },
    };
  };
  try {
    for await (const slab of slabsOf(source, { pool, ...options })) {
      const takenBytes = slab.buffer.byteLength;
      const hashed = hasher.hash(slab);
      hashed.catch(() => undefined);
      ahead.push({ takenBytes, slab: hashed });
      while (ahead.length >= maxSlabsAhead || (ahead.length > 0 && pool.isExhausted)) yield* next();
    }
    while (ahead.length > 0) yield* next();
  } finally {
    for (const { takenBytes, slab } of ahead) {
      const hashed = await slab.catch(() => undefined);
      pool.give(takenBytes, hashed?.buffer);
    }
  }
}

async function* slabsOf(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  { pool, maxBytes = Infinity, signal }: Omit<SlabOptions, 'hasher'>,
): AsyncGenerator<Slab> {
  const isWhole = source instanceof Uint8Array;
  let slabBytes = CONTENT_CHUNK_BYTES;
  let buffer: ArrayBuffer | undefined;
  let filled = 0;
  let sizeBytes = 0;
  try {
    for await (const piece of isWhole ? [source] : abortable(source, signal)) {
      signal?.throwIfAborted();
      sizeBytes += piece.byteLength;
      assertSize(sizeBytes, maxBytes);
      for (let at = 0; at < piece.byteLength; ) {
        if (isWhole) slabBytes = Math.min(slabBytes, filled + piece.byteLength - at);
        buffer ??= pool.take(slabBytes);
        const taken = piece.subarray(at, at + slabBytes - filled);
        new Uint8Array(buffer).set(taken, filled);
        at += taken.byteLength;
        filled += taken.byteLength;
        if (filled < slabBytes) continue;
        const slab = { buffer, sizeBytes: filled };
        buffer = undefined;
        filled = 0;
        slabBytes = Math.min(slabBytes * growth, largeSlabBytes);
        yield slab;
      }
    }
    if (buffer === undefined) return;
    const slab = { buffer, sizeBytes: filled };
    buffer = undefined;
    yield slab;
  } finally {
    if (buffer !== undefined) pool.give(buffer.byteLength, buffer);
  }
}

/** Refuses content over a limit. */
export function assertSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  throw contentError('DW_CONTENT_TOO_LARGE', { details: { sizeBytes, maxBytes } });
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
