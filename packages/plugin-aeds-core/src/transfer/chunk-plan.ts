import {
  CONTENT_CHUNK_BYTES,
  contentChunkCount,
  payloadReferenceOf,
  sha256Hex,
} from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';

export type Payload = IntentManifest['payload'];

/** Consecutive chunks that one request fetches. */
export interface ChunkRun {
  readonly first: number;
  readonly count: number;
}

/** The chunks of a payload, as its signed manifest vouches for them. */
export class ChunkPlan {
  readonly #digests: readonly string[];
  readonly sizeBytes: number;

  /** @throws DwError `DW_AEDS_PAYLOAD_MISMATCH` where the digests are not those of the payload. */
  constructor(payload: Payload, digests: readonly string[]) {
    const isComplete = digests.length === contentChunkCount(payload.sizeBytes);
    if (
      !isComplete ||
      payloadReferenceOf(digests, payload.sizeBytes).digest !== payload.payloadId
    ) {
      throw aedsError('DW_AEDS_PAYLOAD_MISMATCH', {
        message: 'The list of chunks does not match the manifest',
        details: { payloadId: payload.payloadId },
      });
    }
    this.#digests = digests;
    this.sizeBytes = payload.sizeBytes;
  }

  get chunkCount(): number {
    return this.#digests.length;
  }

  /** Bytes of a run, as a range of the payload. */
  rangeOf({ first, count }: ChunkRun): { readonly start: number; readonly end: number } {
    const start = first * CONTENT_CHUNK_BYTES;
    return { start, end: Math.min(this.sizeBytes, start + count * CONTENT_CHUNK_BYTES) };
  }

  bytesOf(indices: Iterable<number>): number {
    let bytes = 0;
    for (const first of indices) {
      const { start, end } = this.rangeOf({ first, count: 1 });
      bytes += end - start;
    }
    return bytes;
  }

  isChunk(index: number, data: Uint8Array): boolean {
    return sha256Hex(data) === this.#digests[index];
  }

  /** Reports whether the bytes of a run are what the manifest says, chunk by chunk. */
  isRun(run: ChunkRun, data: Uint8Array): boolean {
    const { start, end } = this.rangeOf(run);
    if (data.byteLength !== end - start) return false;
    for (let index = 0; index < run.count; index += 1) {
      const at = index * CONTENT_CHUNK_BYTES;
      const chunk = data.subarray(at, at + CONTENT_CHUNK_BYTES);
      if (!this.isChunk(run.first + index, chunk)) return false;
    }
    return true;
  }
}

/** Groups ascending chunk indices into runs of at most so many; how many is asked for each run. */
export function* runsOf(
  indices: readonly number[],
  maxCount: () => number,
): Generator<ChunkRun, undefined> {
  let first: number | undefined;
  let count = 0;
  let most = 0;
  for (const index of indices) {
    if (first !== undefined && index === first + count && count < most) {
      count += 1;
      continue;
    }
    if (first !== undefined) yield { first, count };
    first = index;
    count = 1;
    most = maxCount();
  }
  if (first !== undefined) yield { first, count };
  return undefined;
}
