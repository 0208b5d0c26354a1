import { type Contract, contract } from '../compatibility/contract.js';

/**
 * What an acknowledged write survives: `memory` nothing, `os` the death of the process, `disk`
 * the loss of power (acknowledged after fdatasync).
 */
export type Durability = 'memory' | 'os' | 'disk';

/** What a store claims beyond the methods. The conformance suite tests each claim. */
export interface BackingStoreCapabilities {
  /** The strongest durability that a write can ask for. */
  readonly durability: Durability;
  /**
   * Whether a listing shows the store as it was at its first step, whole batches only. Elsewhere it
   * may show some of what is changed meanwhile, and not the rest.
   * @defaultValue false
   */
  readonly hasSnapshotListings?: boolean;
}

/** Options that every call of a store takes. */
export interface BackingStoreCallOptions {
  /** Cancels the call, which then rejects with `signal.reason` and changes nothing. */
  readonly signal?: AbortSignal;
}

/** Options of a call that changes the store. */
export interface BackingStoreWriteOptions extends BackingStoreCallOptions {
  /**
   * What the acknowledged write survives. Asking for more than the store claims gives what it has.
   * @defaultValue the strongest that the store has
   */
  readonly durability?: Durability;
}

/** Options of a listing. Paths compare byte by byte. */
export interface BackingStoreListOptions extends BackingStoreCallOptions {
  /** Only paths after this one, in the direction of the listing. */
  readonly after?: string;
  /** Most results. Default: all. */
  readonly limit?: number;
  /**
   * Descending order.
   * @defaultValue false
   */
  readonly reverse?: boolean;
}

/** One change of a batch. */
export type BackingStoreOperation =
  | { readonly type: 'write'; readonly path: string; readonly data: Uint8Array }
  | { readonly type: 'delete'; readonly path: string };

/** A path and what is stored there. */
export interface BackingStoreEntry {
  readonly path: string;
  readonly data: Uint8Array;
}

/**
 * Bytes by path, behind every piece of plugin state.
 *
 * Paths are `dw://` URIs of escaped segments (`storePath`), compared byte by byte. Calls may
 * overlap; two overlapping writes to one path leave the whole of one of them, the later-called
 * one. After `close()` every method rejects with `DW_STORE_CLOSED`.
 *
 * Prove an implementation with `backingStoreConformance` from `@datawarehouse/sdk/testing`.
 */
export interface IPersistentBackingStore extends AsyncDisposable {
  /** What this store claims. Fixed for its lifetime. */
  readonly capabilities: BackingStoreCapabilities;

  /**
   * Resolves to a copy of the bytes at `path`, or `undefined` where there are none.
   *
   * @throws {@link DwError} `DW_STORE_CORRUPT` where the store finds them damaged.
   */
  read(path: string, options?: BackingStoreCallOptions): Promise<Uint8Array | undefined>;

  /**
   * Replaces the bytes at `path`, all or nothing.
   *
   * @param path - Full `dw://` path.
   * @param data - Bytes to store; do not change them until the call settles.
   * @throws {@link DwError} `DW_STORE_INVALID_PATH`, `DW_STORE_CLOSED`, `DW_STORE_FULL` (retryable),
   *   `DW_STORE_IO` (retryable).
   */
  write(path: string, data: Uint8Array, options?: BackingStoreWriteOptions): Promise<void>;

  /** Removes the bytes at `path`. Removing nothing is not an error. */
  delete(path: string, options?: BackingStoreWriteOptions): Promise<void>;

  /** Reports whether there are bytes at `path`. */
  exists(path: string, options?: BackingStoreCallOptions): Promise<boolean>;

  /**
   * Reports of each path, in their order, what {@link exists} reports of it, for less than that many
   * calls. A store need not have it.
   */
  existsMany?(
    paths: readonly string[],
    options?: BackingStoreCallOptions,
  ): Promise<readonly boolean[]>;

  /** Yields the stored paths that start with `prefix`, in ascending byte order. */
  list(prefix: string, options?: BackingStoreListOptions): AsyncIterable<string>;

  /**
   * Yields paths with their bytes, as {@link list} does.
   *
   * @throws {@link DwError} `DW_STORE_CORRUPT` in place of damaged bytes. {@link list} still has
   *   their path: scan again after it to go on.
   */
  scan(prefix: string, options?: BackingStoreListOptions): AsyncIterable<BackingStoreEntry>;

  /** Applies all operations, in order, or none: also across a crash. */
  batch(
    operations: readonly BackingStoreOperation[],
    options?: BackingStoreWriteOptions,
  ): Promise<void>;

  /** Waits for calls in flight, then releases the medium. Closing twice is not an error. */
  close(): Promise<void>;
}

/** Injection token of the contract of the same name. */
export const IPersistentBackingStore: Contract<IPersistentBackingStore> = contract(
  'dw.sdk.IPersistentBackingStore',
  { introduced: '6.0.0' },
);
