import type { Clock } from '../plugin/clock.js';
import type { ContentMedium } from './content-medium.js';
import type { PayloadReference } from './payload-reference.js';
import type { BackingStoreOperation, IPersistentBackingStore } from './persistent-backing-store.js';

/** Options of {@link ContentStore.open}. */
export interface ContentStoreOptions {
  /** Holds the content. Stays open when the content store is closed. */
  readonly store: IPersistentBackingStore;
  /**
   * Path below which everything lies. One open content store a path.
   * @defaultValue 'dw://content'
   */
  readonly path?: string;
  /**
   * Largest content in bytes. While it is written, about 3 bytes of memory a thousand go into its
   * digests.
   * @defaultValue 68719476736 (64 GiB)
   */
  readonly maxContentBytes?: number;
  /**
   * Holds the chunks of content above 32 KiB; the store holds only where they are. Closed with the
   * content store. Default: the store holds all chunks.
   */
  readonly medium?: ContentMedium;
  /**
   * Threads that hash large content, about 10 MiB each; 0 hashes in the caller's thread.
   * @defaultValue one a core beside the first, at most 2
   */
  readonly hashThreadCount?: number;
  readonly clock?: Clock;
}

/** Options of {@link ContentStore.stage} and {@link ContentStore.put}. */
export interface ContentStageOptions {
  /** Who will refer to the content: any text, such as the path of the record that names it. */
  readonly owner: string;
  /** Largest content in bytes, below the store's own limit. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** Options of {@link ContentStore.assemble}. */
export interface ContentAssembleOptions {
  /** See {@link ContentStageOptions.owner}. */
  readonly owner: string;
  readonly signal?: AbortSignal;
}

/**
 * Brings chunks that a store lacks, in the order of their digests.
 *
 * @param missing - 1 to 64 digests.
 */
export type ContentFetch = (
  missing: readonly string[],
  signal?: AbortSignal,
) => Promise<readonly Uint8Array[]>;

/**
 * Content that is ready to be referred to.
 *
 * Put `operations` into the batch that writes the reference, then dispose: until then clean-up
 * spares the content. Disposed without the batch, nothing refers to it, and clean-up removes it.
 */
export interface StagedContent extends Disposable {
  readonly reference: PayloadReference;
  readonly operations: readonly BackingStoreOperation[];
}

/** Which bytes {@link ContentStore.open} yields. */
export interface ContentRange {
  /**
   * First byte.
   * @defaultValue 0
   */
  readonly start?: number;
  /** The byte behind the last one. Default: the size of the content. */
  readonly end?: number;
  readonly signal?: AbortSignal;
}

/** What a clean-up removed. */
export interface ContentCleanUp {
  readonly removedChunks: number;
  readonly removedBytes: number;
  /** Bytes by which the medium became smaller; 0 without one. */
  readonly reclaimedBytes: number;
}

/** Bytes that have no reference here: their chunks are known, from another node for example. */
export interface ContentDigests {
  /** SHA-256 of each 64 KiB chunk in order, lower-case hexadecimal. */
  readonly chunkDigests: readonly string[];
  readonly sizeBytes: number;
}

/** One side of a comparison: stored content, digests, or bytes that nobody has digests of. */
export type ContentSide =
  | PayloadReference
  | ContentDigests
  | Uint8Array
  | AsyncIterable<Uint8Array>;

/** Options of {@link ContentStore.compare}. */
export interface ContentCompareOptions {
  /**
   * Whether to look for the first byte that differs, where that needs more reading. Both sides
   * must be here then.
   * @defaultValue false
   */
  readonly locate?: boolean;
  readonly signal?: AbortSignal;
}

/** What {@link ContentStore.compare} found. */
export interface ContentComparison {
  readonly isEqual: boolean;
  /** The step that decided: later ones were not taken. */
  readonly decidedBy: 'rootDigests' | 'digestLists' | 'bytes';
  /** Payload bytes read from either side. */
  readonly bytesRead: number;
  /**
   * Where they differ first: the byte, or the start of the chunk where only digests were compared.
   * `undefined` where they are equal, and where nobody looked.
   */
  readonly firstDifferenceBytes: number | undefined;
}

/** What a content store has done since it was opened. */
export interface ContentStoreStatistics {
  readonly chunkReads: number;
  /** Chunks written, or handed to a batch. Those that were there already are not. */
  readonly chunkWrites: number;
  readonly bytesWritten: number;
}
