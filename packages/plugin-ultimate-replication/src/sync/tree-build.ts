import { compareStorePaths } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import { type ObjectState, statePath } from '../objects/object-state.js';
import type { ObjectTable, RecordChange } from '../objects/object-table.js';
import { DigestTree, depthFor } from './digest-tree.js';
import { bucketOf, changeTree, type DigestOf } from './record-digest.js';

/** What a {@link TreeBuild} works with. */
export interface TreeBuildOptions {
  readonly table: ObjectTable;
  readonly namespace: string;
  readonly digestOf: DigestOf;
  /** Tells whether a change of a path is under way. */
  readonly isChanging: (path: string) => boolean;
  readonly signal: AbortSignal;
}

/** Records that are read, looked at again where they changed meanwhile, and then counted at once. */
const pageLength = 512;
const maxAttempts = 3;

/**
 * Makes the digest tree of a namespace by a scan, while writes go on.
 *
 * What is written behind the scan is counted as it is reported; what is written before it will be
 * scanned; what is written where the scan is, is read again under its lock.
 */
export class TreeBuild {
  readonly #options: TreeBuildOptions;
  #tree = new DigestTree(0);
  /** Path up to which everything is counted. */
  #cursor = '';
  readonly #touched = new Set<string>();
  #isSpoilt = false;

  constructor(options: TreeBuildOptions) {
    this.#options = options;
  }

  /**
   * Makes the tree. Changes are reported to it until this resolves.
   *
   * @throws {@link DwError} `DW_REPLICATION_SYNC_FAILED` where writes fail all the time.
   */
  async run(): Promise<DigestTree> {
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      this.#cursor = '';
      this.#isSpoilt = false;
      this.#tree = new DigestTree(0);
      if (await this.#scan()) return this.#tree;
    }
    throw replicationError('DW_REPLICATION_SYNC_FAILED', {
      message: 'Writes of a namespace kept failing while its digests were made',
      details: { namespace: this.#options.namespace },
    });
  }

  /** A change begins. */
  touch(path: string): void {
    if (!this.#isCounted(path)) this.#touched.add(path);
  }

  /** A change has ended. */
  changed(path: string, change: RecordChange | undefined): void {
    if (!this.#isCounted(path)) this.#touched.add(path);
    else if (change === undefined) this.#isSpoilt = true;
    else changeTree(this.#tree, path, change, this.#options.digestOf);
  }

  /** @returns Whether all that was counted is certain. */
  async #scan(): Promise<boolean> {
    const { table, namespace, signal } = this.#options;
    let after: string | undefined;
    let page = new Map<string, ObjectState>();
    for (;;) {
      this.#touched.clear();
      for await (const state of table.scan(namespace, { after, signal })) {
        page.set(statePath(state), state);
        if (page.size === pageLength) break;
      }
      signal.throwIfAborted();
      const last = page.size < pageLength ? undefined : [...page].at(-1);
      const end = last?.[0];
      await this.#refresh(page, end);
      // Only who has more than a page needs the deepest tree, for the time being.
      if (this.#cursor === '') {
        this.#tree = new DigestTree(last === undefined ? depthFor(page.size) : undefined);
      }
      for (const [path, state] of page) this.#count(path, state);
      this.#cursor = end ?? endOfAll;
      if (last === undefined) break;
      after = last[1][0].key;
      page = new Map();
    }
    this.#tree.cutTo(depthFor(this.#tree.count));
    return !this.#isSpoilt;
  }

  /** Reads again what changed while the page was read, until nothing has. */
  async #refresh(page: Map<string, ObjectState>, end: string | undefined): Promise<void> {
    const { table, isChanging } = this.#options;
    for (;;) {
      const isInPage = (path: string) => end === undefined || compareStorePaths(path, end) <= 0;
      const paths = new Set([...this.#touched].filter(isInPage));
      for (const path of page.keys()) if (isChanging(path)) paths.add(path);
      if (paths.size === 0) return;
      this.#touched.clear();
      await table.lock([...paths], async () => {
        for (const path of paths) {
          const state = await table.readForChange(path);
          if (state === undefined) page.delete(path);
          else page.set(path, state);
        }
      });
    }
  }

  #count(path: string, state: ObjectState): void {
    const digest = this.#options.digestOf(state);
    if (digest !== undefined) this.#tree.add(bucketOf(path), digest);
  }

  #isCounted(path: string): boolean {
    return this.#cursor !== '' && compareStorePaths(path, this.#cursor) <= 0;
  }
}

/** Behind every path. */
const endOfAll = '\u{10ffff}';
