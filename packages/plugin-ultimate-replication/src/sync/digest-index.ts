import { BoundedCache, type IPersistentBackingStore } from '@datawarehouse/sdk';
import { namespacePrefix, objectNameOf, objectPath } from '../objects/object-name.js';
import type { ObjectTable, RecordChange, RecordObserver } from '../objects/object-table.js';
import { type DigestTree, depthFor } from './digest-tree.js';
import { bucketOf, changeTree, type DigestOf } from './record-digest.js';
import { TreeBuild } from './tree-build.js';

/** What a {@link DigestIndex} works with. */
export interface DigestIndexOptions {
  readonly table: ObjectTable;
  readonly store: IPersistentBackingStore;
  readonly digestOf: DigestOf;
  /**
   * Most bytes of trees in memory; those used longest ago go, and are made again by a scan.
   * @defaultValue 33554432
   */
  readonly maxBytes?: number;
}

/** Which objects of a namespace to walk. */
export interface DigestRange {
  readonly namespace: string;
  readonly isWanted: (bucket: number) => boolean;
  /** Key behind which to begin. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An object in a listing, and the digest of its versions. */
export interface DigestEntry {
  readonly path: string;
  readonly key: string;
  readonly digest: Buffer | undefined;
}

const defaultMaxBytes = 33_554_432;
/** What a tree takes beside its numbers. */
const treeOverheadBytes = 512;
/** So many times as full as when it was made, a tree is made again, deeper. */
const growthFactor = 16;

/**
 * The digest trees of this node's namespaces: made by a scan when first asked for, and kept up to
 * date by every write from then on.
 */
export class DigestIndex implements RecordObserver, Disposable {
  readonly #options: DigestIndexOptions;
  readonly #trees: BoundedCache<string, DigestTree>;
  readonly #builds = new Map<string, { readonly build: TreeBuild; tree: Promise<DigestTree> }>();
  /** Changes that may or may not be in the store yet, with who waits for their end. */
  readonly #changing = new Map<string, (() => void)[]>();
  readonly #stopping = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  /** Calls back when a record was found damaged. */
  onDidFindDamage: () => void = () => undefined;

  constructor(options: DigestIndexOptions) {
    this.#options = options;
    this.#trees = new BoundedCache({
      maxEntries: 1_000_000,
      maxBytes: options.maxBytes ?? defaultMaxBytes,
      sizeOf: (tree, namespace) => tree.sizeBytes + namespace.length * 2 + treeOverheadBytes,
    });
  }

  /** Trees in memory, and their bytes. */
  statistics(): { readonly treeCount: number; readonly treeBytes: number } {
    const { itemCount, totalBytes } = this.#trees.statistics();
    return { treeCount: itemCount, treeBytes: totalBytes };
  }

  /** The tree of a namespace. */
  tree(namespace: string): Promise<DigestTree> {
    const cached = this.#trees.get(namespace);
    if (cached !== undefined) return Promise.resolve(cached);
    const running = this.#builds.get(namespace);
    if (running !== undefined) return running.tree;
    const build = new TreeBuild({
      ...this.#options,
      namespace,
      isChanging: (path) => this.#changing.has(path),
      signal: this.#stopping.signal,
    });
    // One scan at a time, whoever asks.
    const tree = this.#queue.then(() => this.#build(namespace, build));
    this.#queue = tree.catch(() => undefined);
    this.#builds.set(namespace, { build, tree });
    return tree;
  }

  /** Waits for the end of the changes that are under way now. */
  async settle(): Promise<void> {
    const ends = [...this.#changing.values()].map(
      (waiters) => new Promise<void>((resolve) => waiters.push(resolve)),
    );
    await Promise.all(ends);
  }

  /**
   * Walks the objects of a namespace in the order of their paths, from behind a key. Those that are
   * not wanted, or may not leave, have no digest.
   */
  async *walk(range: DigestRange): AsyncGenerator<DigestEntry> {
    const { namespace, isWanted, after, signal } = range;
    const from = after !== undefined && { after: objectPath(namespace, after) };
    const options = { ...from, ...(signal && { signal }) };
    for await (const path of this.#options.store.list(namespacePrefix(namespace), options)) {
      const digest = isWanted(bucketOf(path)) ? await this.#digestAt(path) : undefined;
      yield { path, key: objectNameOf(path).key, digest };
    }
  }

  /** The digest of an object's versions here that may leave; `undefined` where there are none. */
  digestOf(namespace: string, key: string): Promise<Buffer | undefined> {
    return this.#digestAt(objectPath(namespace, key));
  }

  began(path: string): void {
    this.#changing.set(path, []);
    this.#builds.get(objectNameOf(path).namespace)?.build.touch(path);
  }

  ended(path: string, change: RecordChange | undefined): void {
    const waiters = this.#changing.get(path) ?? [];
    this.#changing.delete(path);
    const { namespace } = objectNameOf(path);
    const tree = this.#trees.peek(namespace);
    if (tree !== undefined) {
      if (change === undefined) this.#trees.delete(namespace);
      else this.#replace(namespace, tree, path, change);
    }
    this.#builds.get(namespace)?.build.changed(path, change);
    for (const resolve of waiters) resolve();
  }

  damaged(path: string): void {
    this.#trees.delete(objectNameOf(path).namespace);
    this.onDidFindDamage();
  }

  /** Lets go of all trees, so that the next exchange scans. */
  clear(): void {
    this.#trees.clear();
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    this.#trees.clear();
  }

  async #build(namespace: string, build: TreeBuild): Promise<DigestTree> {
    try {
      const tree = await build.run();
      this.#trees.set(namespace, tree);
      return tree;
    } finally {
      this.#builds.delete(namespace);
    }
  }

  #replace(namespace: string, tree: DigestTree, path: string, change: RecordChange): void {
    changeTree(tree, path, change, this.#options.digestOf);
    const isOutgrown = tree.count > 64 && depthFor(tree.count / growthFactor) > tree.depth;
    if (isOutgrown) this.#trees.delete(namespace);
  }

  async #digestAt(path: string): Promise<Buffer | undefined> {
    const { table, digestOf } = this.#options;
    const state = await table.readForChange(path);
    return state && digestOf(state);
  }
}
