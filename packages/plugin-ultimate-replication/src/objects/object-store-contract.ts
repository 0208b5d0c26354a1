import { type Contract, contract } from '@datawarehouse/sdk';

/** What is known of an object without reading it. */
export interface ObjectInfo {
  readonly namespace: string;
  readonly key: string;
  /** Written form of its version. */
  readonly version: string;
  /** Digest of its content, as in a payload reference. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly contentType?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly updatedAtMs: number;
  /** Strategy that it was written under. */
  readonly strategy: string;
}

/** What a write did. */
export interface WriteReceipt {
  readonly namespace: string;
  readonly key: string;
  readonly version: string;
  readonly strategy: string;
  /** Replicas that had stored it when the call returned; the strategy decides whom to wait for. */
  readonly confirmedBy: readonly string[];
}

/** What putting an object did. */
export interface PutReceipt extends WriteReceipt {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An object that can be read. */
export interface ReadableObject extends ObjectInfo {
  /** Versions that stand beside one another; 1 where there are no concurrent ones. */
  readonly siblingCount: number;
  /** What a reader of it has seen. Handed back with a write, that replaces just this. */
  readonly context: string;
  /** Reads its bytes, each chunk verified. */
  open(range?: {
    readonly start?: number;
    /** Exclusive. */
    readonly end?: number;
    readonly signal?: AbortSignal;
  }): AsyncIterable<Uint8Array>;
}

/** One of the versions of an object that stand beside one another. */
export interface ObjectSibling extends Omit<ObjectInfo, 'digest' | 'sizeBytes'> {
  /** Node that wrote it. */
  readonly writtenBy: string;
  /** Absent where the version is a deletion. */
  readonly digest?: string | undefined;
  readonly sizeBytes?: number | undefined;
}

/** All versions of an object. */
export interface ObjectSiblings {
  /** The latest first; of versions with equal content the latest alone. */
  readonly siblings: readonly ObjectSibling[];
  /** What a reader of them all has seen: a write with it replaces them all. */
  readonly context: string;
}

/** Options of every write. */
export interface WriteOptions {
  /**
   * Context that came with what was read. The write replaces what the reader had seen, and is
   * concurrent with all else. Default: it replaces all that this node has.
   */
  readonly context?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link IReplicatedObjectStore.put}. */
export interface PutOptions extends WriteOptions {
  readonly contentType?: string | undefined;
  /** Refuses content of another length. */
  readonly expectedBytes?: number | undefined;
}

/** One page of a listing. */
export interface ListOptions {
  /** Name behind which to begin: `next` of the page before. */
  readonly after?: string | undefined;
  /**
   * Most results, 1 to 1000.
   * @defaultValue 100
   */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Objects by namespace and key, replicated as their strategy says.
 *
 * Names are well-formed Unicode of 1 to 1024 bytes. A write that has returned survives the loss of
 * power on this node; `DW_REPLICATION_UNCONFIRMED` says that it does, and that replicas lag.
 */
export interface IReplicatedObjectStore {
  /**
   * Stores an object in place of an earlier version.
   *
   * @throws {@link DwError} `DW_REPLICATION_INVALID_NAME`, `DW_REPLICATION_LENGTH_MISMATCH`,
   *   `DW_REPLICATION_UNCONFIRMED` (retryable), `DW_REPLICATION_INVALID_CONTEXT`,
   *   `DW_REPLICATION_TOO_MANY_SIBLINGS`, `DW_CONTENT_TOO_LARGE`, `DW_SCALING_OVERLOADED`
   *   (retryable), `DW_LOG_FULL` (retryable).
   */
  put(
    namespace: string,
    key: string,
    source: Uint8Array | AsyncIterable<Uint8Array>,
    options?: PutOptions,
  ): Promise<PutReceipt>;

  /**
   * Finds an object; with `version` one of the versions that stand beside one another.
   *
   * @throws {@link DwError} `DW_REPLICATION_NOT_FOUND`.
   */
  get(
    namespace: string,
    key: string,
    options?: { readonly version?: string | undefined },
  ): Promise<ReadableObject>;

  /**
   * Finds all versions of an object that stand beside one another, deletions among them.
   *
   * @throws {@link DwError} `DW_REPLICATION_NOT_FOUND`.
   */
  siblings(namespace: string, key: string): Promise<ObjectSiblings>;

  /** Removes an object everywhere. @throws {@link DwError} `DW_REPLICATION_NOT_FOUND`, as `put`. */
  delete(namespace: string, key: string, options?: WriteOptions): Promise<WriteReceipt>;

  /** Lists a namespace in ascending order of the escaped keys. `next` is absent at the end. */
  list(
    namespace: string,
    options?: ListOptions & { readonly prefix?: string | undefined },
  ): Promise<{ readonly objects: readonly ObjectInfo[]; readonly next?: string }>;

  /** Lists the namespaces that hold objects, in ascending order of the escaped names. */
  namespaces(
    options?: ListOptions,
  ): Promise<{ readonly namespaces: readonly string[]; readonly next?: string }>;
}

/** Injection token of the contract of the same name. */
export const IReplicatedObjectStore: Contract<IReplicatedObjectStore> = contract(
  'dw.plugin-ultimate-replication.IReplicatedObjectStore',
  { introduced: '6.0.0' },
);
