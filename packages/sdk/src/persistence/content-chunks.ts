import { hash } from 'node:crypto';
import { contentError } from '../errors/content-errors.js';
import type { ContentLayout } from './content-layout.js';
import { type ContentLocation, decodeLocation } from './content-medium.js';
import type { ContentSegments } from './content-segments.js';
import { readValue } from './damaged-values.js';
import { existsMany } from './exists-many.js';
import type {
  BackingStoreCallOptions,
  BackingStoreOperation,
  IPersistentBackingStore,
} from './persistent-backing-store.js';

const digestPattern = /^[0-9a-f]{64}$/;
/** Most digests that are remembered as damaged. */
const maxDamaged = 4_096;
const lookupsAtATime = 256;

/** Refuses what is no digest of a chunk. */
export function assertChunkDigest(digest: string): void {
  if (!digestPattern.test(digest)) {
    throw contentError('DW_CONTENT_BAD_REFERENCE', {
      message: 'A chunk digest is 64 lower-case hexadecimal digits',
      details: { digest: digest.slice(0, 100) },
    });
  }
}

/** Whether bytes are what their digest says. */
export function isChunk(digest: string, data: Uint8Array): boolean {
  return hash('sha256', data, 'hex') === digest;
}

/** What there is of a chunk. */
interface StoredChunk {
  /** `undefined` where the bytes cannot be read. */
  readonly data: Uint8Array | undefined;
  readonly location: ContentLocation | undefined;
}

/** How to remove a chunk. */
export interface ChunkRemoval {
  readonly operations: readonly BackingStoreOperation[];
  readonly sizeBytes: number;
}

/**
 * Finds chunks by their digests, and verifies each that it reads.
 *
 * The value at a chunk's path is the chunk itself, or where the medium has it.
 */
export class ContentChunks {
  readonly #store: IPersistentBackingStore;
  readonly #layout: ContentLayout;
  readonly #segments: ContentSegments | undefined;
  /** Stored, but not what their digests say: as good as missing until written again. */
  readonly #damaged = new Set<string>();
  #readCount = 0;
  #writeCount = 0;
  #bytesWritten = 0;

  constructor(
    store: IPersistentBackingStore,
    layout: ContentLayout,
    segments: ContentSegments | undefined,
  ) {
    this.#store = store;
    this.#layout = layout;
    this.#segments = segments;
  }

  get statistics(): { chunkReads: number; chunkWrites: number; bytesWritten: number } {
    return {
      chunkReads: this.#readCount,
      chunkWrites: this.#writeCount,
      bytesWritten: this.#bytesWritten,
    };
  }

  /** Notes that a chunk was written, or will be with a batch. */
  noteWrite(digest: string, sizeBytes: number): void {
    this.#damaged.delete(digest);
    this.#writeCount += 1;
    this.#bytesWritten += sizeBytes;
  }

  async read(digest: string, options?: BackingStoreCallOptions): Promise<Uint8Array> {
    const stored = await this.#read(digest, options);
    if (stored === undefined) {
      throw contentError('DW_CONTENT_NOT_FOUND', { details: { chunk: digest } });
    }
    this.#readCount += 1;
    if (stored.data !== undefined && isChunk(digest, stored.data)) return stored.data;
    if (this.#damaged.size < maxDamaged) this.#damaged.add(digest);
    throw contentError('DW_CONTENT_CORRUPT', { details: { chunk: digest } });
  }

  async isPresent(digest: string): Promise<boolean> {
    return !this.#damaged.has(digest) && (await this.#store.exists(this.#layout.chunk(digest)));
  }

  /** The digests without a chunk, in order, each once. */
  async missing(digests: readonly string[]): Promise<string[]> {
    const unique = [...new Set(digests)];
    const missing: string[] = [];
    for (let at = 0; at < unique.length; at += lookupsAtATime) {
      const some = unique.slice(at, at + lookupsAtATime);
      const paths = some.map((digest) => this.#layout.chunk(digest));
      const exist = await existsMany(this.#store, paths);
      missing.push(
        ...some.filter((digest, index) => exist[index] !== true || this.#damaged.has(digest)),
      );
    }
    return missing;
  }

  /** Where the medium has a chunk. `undefined` where it is not there. */
  async locate(digest: string): Promise<ContentLocation | undefined> {
    const value = await readValue(this.#store, this.#layout.chunk(digest));
    return this.#locationIn(digest, value?.data);
  }

  /** How to remove a chunk. `undefined` where there is none. */
  async removal(digest: string): Promise<ChunkRemoval | undefined> {
    const path = this.#layout.chunk(digest);
    const value = await readValue(this.#store, path);
    if (value === undefined) return undefined;
    const location = this.#locationIn(digest, value.data);
    const remove: BackingStoreOperation = { type: 'delete', path };
    if (location === undefined) {
      return { operations: [remove], sizeBytes: value.data?.byteLength ?? 0 };
    }
    const mark = this.#layout.dirty(location.segment);
    return {
      operations: [remove, { type: 'write', path: mark, data: new Uint8Array(0) }],
      sizeBytes: location.sizeBytes,
    };
  }

  async #read(
    digest: string,
    options: BackingStoreCallOptions | undefined,
  ): Promise<StoredChunk | undefined> {
    let before: ContentLocation | undefined;
    for (;;) {
      const value = await readValue(this.#store, this.#layout.chunk(digest), options);
      if (value === undefined) return undefined;
      const location = this.#locationIn(digest, value.data);
      if (location === undefined) return { data: value.data, location };
      const data = await this.#segments?.medium.read(location);
      // Clean-up may have moved it since its place was read.
      if (data !== undefined || location.segment === before?.segment) return { data, location };
      before = location;
    }
  }

  #locationIn(digest: string, value: Uint8Array | undefined): ContentLocation | undefined {
    const location = value && decodeLocation(value);
    if (location === undefined || value === undefined) return undefined;
    // Content may look like a location.
    return isChunk(digest, value) ? undefined : location;
  }
}
