import { compareStorePaths } from '@datawarehouse/sdk';
import type { PayloadSource } from '../objects/payload-source.js';
import type { PullCounts } from '../queue/peer-messages.js';
import type { DigestIndex } from './digest-index.js';
import { MAX_KEYS, MAX_LEAVES, MAX_PARENTS } from './digest-messages.js';
import {
  bucketSelector,
  type DigestTree,
  decodeNode,
  MAX_TREE_DEPTH,
  NODE_BYTES,
  TREE_FAN_OUT,
  type TreeNode,
} from './digest-tree.js';
import { addCounts, noCounts, type RemoteVersions } from './remote-versions.js';
import type { PeerEntry, SyncPeer } from './sync-peer.js';

/** What a {@link NamespaceExchange} works with. */
export interface NamespaceExchangeOptions {
  readonly index: DigestIndex;
  readonly versions: RemoteVersions;
  readonly peer: SyncPeer;
  readonly payloads: (inline?: ReadonlyMap<string, Uint8Array>) => PayloadSource;
  readonly direction: 'pull' | 'both';
  /** Only versions written since. */
  readonly sinceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((ratio: number) => void) | undefined;
}

/** A node of the trees below which something differs. */
interface Differing {
  readonly prefix: string;
  /** Objects below it on the other node. */
  readonly theirCount: number;
  readonly myCount: number;
}

/** An object that differs. */
interface Difference {
  readonly key: string;
  readonly mine: Buffer | undefined;
  readonly theirs: Buffer | undefined;
}

/** Nodes with fewer objects on both sides are listed, since their children would cost as much. */
const smallNodeCount = 16;
/** What may be written on the other node while it is listed. */
const listingSlack = 10_000;
const nothing: TreeNode = { count: 0, digest: Buffer.alloc(NODE_BYTES - 4) };

/** Exchanges what differs in one namespace after the other, with one other node. */
export class NamespaceExchange {
  readonly #options: NamespaceExchangeOptions;
  #expectedCount = 0;
  #doneCount = 0;
  #toldRatio = 0;

  constructor(options: NamespaceExchangeOptions) {
    this.#options = options;
  }

  /** Exchanges what differs in a namespace that the other node has. */
  async exchange(namespace: string, theirs: TreeNode): Promise<PullCounts> {
    const tree = await this.#options.index.tree(namespace);
    if (isSame(tree.root(), theirs)) return noCounts;
    const differing = await this.#descend(namespace, tree, theirs);
    let counts = noCounts;
    for (const { myCount, theirCount } of differing) {
      this.#expectedCount += Math.max(myCount, theirCount);
    }
    for (let at = 0; at < differing.length; at += MAX_LEAVES) {
      const leaves = differing.slice(at, at + MAX_LEAVES);
      counts = addCounts(counts, await this.#exchangeLeaves(namespace, leaves));
    }
    return counts;
  }

  /** Has the other node fetch a namespace that it does not have. */
  async give(namespace: string): Promise<PullCounts> {
    const { count } = (await this.#options.index.tree(namespace)).root();
    if (count === 0) return noCounts;
    this.#expectedCount += count;
    const differences = this.#join(namespace, [''], noEntries());
    return this.#settle(namespace, differences);
  }

  /** Finds the lowest nodes below which something differs, level by level. */
  async #descend(
    namespace: string,
    tree: DigestTree,
    root: TreeNode,
  ): Promise<readonly Differing[]> {
    const { peer, signal } = this.#options;
    const found: Differing[] = [];
    let level: Differing[] = [];
    const sort = (prefix: string, mine: TreeNode, theirs: TreeNode): void => {
      if (isSame(mine, theirs)) return;
      const node = { prefix, myCount: mine.count, theirCount: theirs.count };
      const isSmall = Math.max(mine.count, theirs.count) <= smallNodeCount;
      const isOneSided = mine.count === 0 || theirs.count === 0;
      const isLowest = prefix.length === MAX_TREE_DEPTH;
      (isSmall || isOneSided || isLowest ? found : level).push(node);
    };
    sort('', tree.root(), root);
    while (level.length > 0) {
      const parents = level;
      level = [];
      for (let at = 0; at < parents.length; at += MAX_PARENTS) {
        const asked = parents.slice(at, at + MAX_PARENTS);
        const prefixes = asked.map(({ prefix }) => prefix);
        const answers = await peer.children(namespace, prefixes, signal);
        for (const [index, parent] of asked.entries()) {
          const theirs = answers[index];
          const mine = childrenOf(tree, parent.prefix);
          if (theirs === undefined || mine === undefined) {
            found.push(parent);
            continue;
          }
          for (let child = 0; child < TREE_FAN_OUT; child += 1) {
            const prefix = parent.prefix + child.toString(TREE_FAN_OUT);
            sort(prefix, mine[child] ?? nothing, theirs[child] ?? nothing);
          }
        }
      }
    }
    return found;
  }

  #exchangeLeaves(namespace: string, leaves: readonly Differing[]): Promise<PullCounts> {
    const { peer, signal } = this.#options;
    const prefixes = leaves.map(({ prefix }) => prefix);
    let theirCount = 0;
    for (const leaf of leaves) theirCount += leaf.theirCount;
    const theirs = peer.leaves(namespace, prefixes, 2 * theirCount + listingSlack, signal);
    return this.#settle(namespace, this.#join(namespace, prefixes, theirs));
  }

  /** Walks both listings side by side, and yields what differs. */
  async *#join(
    namespace: string,
    prefixes: readonly string[],
    theirs: AsyncGenerator<PeerEntry, unknown>,
  ): AsyncGenerator<Difference> {
    const { index, signal } = this.#options;
    const isWanted = bucketSelector(prefixes);
    let their = await theirs.next();
    try {
      for await (const { path, key, digest } of index.walk({ namespace, isWanted, signal })) {
        if (digest === undefined) continue;
        while (their.done !== true && compareStorePaths(their.value.path, path) < 0) {
          yield theirOnly(their.value);
          their = await theirs.next();
        }
        const same = their.done !== true && their.value.key === key ? their.value : undefined;
        if (same?.digest.equals(digest) !== true) yield { key, mine: digest, theirs: same?.digest };
        if (same !== undefined) their = await theirs.next();
        this.#advance(1);
      }
      while (their.done !== true) {
        yield theirOnly(their.value);
        their = await theirs.next();
      }
    } finally {
      await theirs.return(undefined);
    }
  }

  async #settle(namespace: string, differences: AsyncIterable<Difference>): Promise<PullCounts> {
    let counts = noCounts;
    let batch: Difference[] = [];
    const flush = async (): Promise<void> => {
      counts = addCounts(counts, await this.#exchangeObjects(namespace, batch));
      batch = [];
    };
    for await (const difference of differences) {
      batch.push(difference);
      if (batch.length === MAX_KEYS) await flush();
    }
    await flush();
    return counts;
  }

  async #exchangeObjects(
    namespace: string,
    differences: readonly Difference[],
  ): Promise<PullCounts> {
    const { index, peer, direction, sinceMs, signal } = this.#options;
    const wanted = differences.filter(({ theirs }) => theirs !== undefined).map(({ key }) => key);
    let counts = await this.fetch(namespace, wanted);
    if (direction === 'pull') return counts;
    const given: string[] = [];
    for (const { key, mine, theirs } of differences) {
      if (mine === undefined) continue;
      // What was fetched may have been all that differed.
      const now = theirs && (await index.digestOf(namespace, key));
      if (now === undefined || theirs?.equals(now) !== true) given.push(key);
    }
    if (given.length > 0) {
      counts = addCounts(counts, await peer.fetch(namespace, given, sinceMs, signal));
    }
    return counts;
  }

  /** Fetches objects from the other node. */
  async fetch(namespace: string, keys: readonly string[]): Promise<PullCounts> {
    const { peer, versions, payloads: source, sinceMs, signal } = this.#options;
    const asked = new Set(keys);
    let counts = noCounts;
    for await (const events of peer.records(namespace, keys, sinceMs, signal)) {
      const applied = await versions.apply({
        ...{ origin: peer.nodeId, events, source, signal },
        isAsked: (record) => record.namespace === namespace && asked.has(record.key),
      });
      counts = addCounts(counts, applied);
    }
    return counts;
  }

  #advance(count: number): void {
    this.#doneCount += count;
    // The sum of what differs is only known at the end; what was told does not go back.
    const ratio = Math.min(1, this.#doneCount / Math.max(1, this.#expectedCount));
    this.#toldRatio = Math.max(this.#toldRatio, ratio);
    this.#options.onProgress?.(this.#toldRatio);
  }
}

function isSame(a: TreeNode, b: TreeNode): boolean {
  return a.count === b.count && a.digest.equals(b.digest);
}

function childrenOf(tree: DigestTree, prefix: string): readonly TreeNode[] | undefined {
  const data = tree.children(prefix);
  if (data.length === 0) return undefined;
  return Array.from({ length: TREE_FAN_OUT }, (_, index) => decodeNode(data, index * NODE_BYTES));
}

function theirOnly({ key, digest }: PeerEntry): Difference {
  return { key, mine: undefined, theirs: digest };
}

async function* noEntries(): AsyncGenerator<PeerEntry> {
  // The other node has nothing to list.
}
