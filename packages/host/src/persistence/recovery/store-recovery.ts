/** Something that was wrong with the files of a store, and what was done about it. */
export interface StoreFinding {
  /**
   * - `repaired`: undone without loss.
   * - `tornTail`: a write that never ended was left out, as if it had never begun.
   * - `lost`: what was stored there cannot be read any more.
   */
  readonly kind: 'repaired' | 'tornTail' | 'lost';
  /** Name of the file in the store's folder. */
  readonly file: string;
  /** What happened, in one sentence. */
  readonly message: string;
  /** Name in the `damaged` folder; `undefined` where there was no room. */
  readonly keptAs: string | undefined;
  /** Paths that may be lost or old. Reads of them say `DW_STORE_CORRUPT` until they are written. */
  readonly ranges: readonly KeyRange[];
}

/** Keys between two bounds, both included, in byte order. Bounds need not be whole paths. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** What opening a store found. */
export interface StoreRecovery {
  readonly findings: readonly StoreFinding[];
  /** Bytes whose checksums were verified. */
  readonly verifiedBytes: number;
  /** Bytes of tables beyond the limit of what is verified on opening. */
  readonly unverifiedBytes: number;
}
