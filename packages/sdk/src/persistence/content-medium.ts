import type { Durability } from './persistent-backing-store.js';

/** A chunk on its way to a medium. */
export interface ContentMediumChunk {
  /** SHA-256 of the bytes, lower-case hexadecimal. */
  readonly digest: string;
  readonly data: Uint8Array;
}

/** Where a medium holds a chunk. */
export interface ContentLocation {
  /** What is removed as a whole, such as a file: up to 64 of `A-Z a-z 0-9 -`. */
  readonly segment: string;
  /** First byte in the segment. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** What a medium claims. The conformance suite tests each claim. */
export interface ContentMediumCapabilities {
  /** What synced chunks survive. */
  readonly durability: Durability;
}

/**
 * Holds the chunks of large content for a content store, which keeps the index of them.
 *
 * Chunks are appended to segments, and never changed; segments are removed as a whole. A medium
 * need not find damage: the content store verifies every read. Calls may overlap, except `append`
 * with itself. After `close()` every method rejects with `DW_STORE_CLOSED`.
 *
 * Prove an implementation with `contentMediumConformance` from `@datawarehouse/sdk/testing`.
 */
export interface ContentMedium extends AsyncDisposable {
  /** What this medium claims. Fixed for its lifetime. */
  readonly capabilities: ContentMediumCapabilities;

  /** The segment that the next append goes on with, unless it is full by then. */
  readonly activeSegment: string | undefined;

  /**
   * Appends chunks, readable when it resolves. Names of segments are never used again, also not
   * by a later process.
   *
   * @param chunks - Not empty; do not change the bytes until the call settles.
   * @returns Where each one is, in order.
   * @throws {@link DwError} `DW_STORE_FULL` (retryable), `DW_STORE_IO` (retryable).
   */
  append(chunks: readonly ContentMediumChunk[]): Promise<readonly ContentLocation[]>;

  /**
   * Makes everything durable that was appended to these segments before the call.
   *
   * @throws {@link DwError} `DW_STORE_IO`: what was appended since the last time may be lost.
   */
  sync(segments: readonly string[]): Promise<void>;

  /** Resolves to a copy of the bytes, or `undefined` where not all of them are there. */
  read(location: ContentLocation): Promise<Uint8Array | undefined>;

  /** Resolves to the names of all segments. */
  segments(): Promise<readonly string[]>;

  /** Resolves to the size of a segment, 0 where there is none. */
  sizeOf(segment: string): Promise<number>;

  /** Removes a segment. Removing nothing is not an error. */
  remove(segment: string): Promise<void>;

  /** Waits for calls in flight, then releases the medium. Closing twice is not an error. */
  close(): Promise<void>;
}

/** What a stored location begins with. No chunk of this text has such a digest by chance. */
const locationPrefix = '\0dw-at:';
const locationPattern = /^\0dw-at:([A-Za-z0-9-]{1,64}):(\d{1,15}):(\d{1,9})$/;
const maxLocationBytes = 128;

/** A location as an index holds it, in place of the bytes. */
export function encodeLocation({ segment, offset, sizeBytes }: ContentLocation): Uint8Array {
  return Buffer.from(`${locationPrefix}${segment}:${offset}:${sizeBytes}`, 'latin1');
}

/** Reverses {@link encodeLocation}. `undefined` for anything else. */
export function decodeLocation(value: Uint8Array): ContentLocation | undefined {
  if (value.byteLength > maxLocationBytes) return undefined;
  const match = locationPattern.exec(Buffer.from(value).toString('latin1'));
  const [, segment, offset, sizeBytes] = match ?? [];
  if (segment === undefined) return undefined;
  return { segment, offset: Number(offset), sizeBytes: Number(sizeBytes) };
}
