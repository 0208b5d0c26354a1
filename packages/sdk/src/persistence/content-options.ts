import type { Clock } from '../plugin/clock.js';
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
   * Largest content in bytes. Half a byte of memory a thousand goes into its digests.
   * @defaultValue 68719476736 (64 GiB)
   */
  readonly maxContentBytes?: number;
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
}

/** What a content store has done since it was opened. */
export interface ContentStoreStatistics {
  readonly chunkReads: number;
  /** Chunks written, or handed to a batch. Those that were there already are not. */
  readonly chunkWrites: number;
  readonly bytesWritten: number;
}
