/** How contents of concurrent versions become one. Every node must make the same bytes of them. */
export interface ContentMerge {
  /**
   * Most bytes of one content, which is held in memory to be merged.
   */
  readonly maxBytes: number;

  /**
   * Makes what a reader gets.
   *
   * Pure: nothing but the contents decides. Throws where they cannot be merged; a reader gets the
   * content of the latest version then.
   *
   * @param contents - Of the versions that stand beside one another, the earliest first; often one.
   */
  read(contents: readonly Uint8Array[]): Uint8Array;

  /**
   * Makes what is stored of what a caller puts. Without it that is stored as it is.
   *
   * @param written - What the caller puts.
   * @param contents - What it replaces, as for {@link ContentMerge.read}; none for a new object.
   * @throws {@link DwError} where the caller may not put that.
   */
  write?(written: Uint8Array, contents: readonly Uint8Array[]): Uint8Array;

  /** Learns that what {@link ContentMerge.write} made may not have been stored. */
  onWriteFailed?(): void;
}

/** Decides between versions of one object of which no writer had seen the other's. */
export interface ConflictResolver {
  /** Unique name, as strategies use it: letters, digits and dashes. */
  readonly name: string;
  /** One sentence for people. */
  readonly summary: string;
  /**
   * Whether the latest version stays and the others go to the conflict log, or all of them stay
   * beside one another until a write replaces them.
   */
  readonly keeps: 'latest' | 'siblings';
  /**
   * Whether a node that wrote one of the versions lets its own or the other one stand, by a further
   * version. Where two nodes do so at once, the later of these versions stays.
   */
  readonly prefers?: 'local' | 'remote';
  /** Makes one content of siblings; without it a reader of one content gets the latest. */
  readonly merge?: ContentMerge;
}
