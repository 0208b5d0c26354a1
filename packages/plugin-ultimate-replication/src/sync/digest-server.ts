import type { Clock, LogPosition, WriteAheadLog } from '@datawarehouse/sdk';
import { objectPath } from '../objects/object-name.js';
import type { ObjectRecord } from '../objects/object-record.js';
import type { ObjectTable } from '../objects/object-table.js';
import { type ExchangeScope, type LogState, logStateOf } from '../queue/peer-messages.js';
import { encodeEvent } from '../queue/replication-event.js';
import { compilePattern } from '../routing/route-pattern.js';
import type { DigestIndex } from './digest-index.js';
import { MAX_LEAF_ENTRIES, MAX_ROOTS } from './digest-messages.js';
import { bucketSelector, type DigestTree, encodeNode } from './digest-tree.js';

/** What a {@link DigestServer} works with. */
export interface DigestServerOptions {
  readonly index: DigestIndex;
  readonly table: ObjectTable;
  readonly log: WriteAheadLog;
  readonly clock: Clock;
  readonly mayLeave: (record: ObjectRecord) => boolean;
}

/** A page of the roots of this node's trees. */
export interface RootsPage {
  readonly log: LogState;
  readonly namespaces: readonly string[];
  readonly next?: string | undefined;
  readonly isPending: boolean;
  readonly nodes: Buffer;
}

/** A page of a listing of objects with their digests. */
export interface LeavesPage {
  readonly keys: readonly string[];
  readonly next?: string | undefined;
  readonly digests: Buffer;
}

/** How long a page of roots waits for digests that have to be made. */
const buildWaitMs = 2_000;
/** Namespaces looked at for one page, asked for or not. */
const maxPageNamespaces = 10_000;
/** Paths walked for one page of a listing, which bounds its time. */
const maxPagePaths = 100_000;
const maxEventsBytes = 1_048_576;

/** Answers other nodes that look for what differs. Every answer is bounded in bytes and time. */
export class DigestServer {
  readonly #options: DigestServerOptions;

  constructor(options: DigestServerOptions) {
    this.#options = options;
  }

  /** Reads a page of roots. All that the log holds up to its head is in them. */
  async roots({
    after,
    dataSetFilter,
  }: ExchangeScope & { readonly after?: string | undefined }): Promise<RootsPage> {
    const { index, table, log } = this.#options;
    const pattern = dataSetFilter === undefined ? undefined : compilePattern(dataSetFilter);
    const logState = logStateOf(log);
    // A write is in the log a moment before its digest is in the tree.
    await index.settle();
    const namespaces: string[] = [];
    const nodes: Buffer[] = [];
    const page = (next: string | undefined, isPending: boolean): RootsPage => ({
      ...{ log: logState, namespaces, next, isPending, nodes: Buffer.concat(nodes) },
    });
    let seen = after;
    let seenCount = 0;
    for await (const namespace of table.namespaces(after)) {
      if (pattern?.matches(namespace) !== false) {
        const tree = await this.#treeInTime(namespace);
        if (tree === undefined) return page(seen, true);
        if (tree.count > 0) {
          namespaces.push(namespace);
          nodes.push(encodeNode(tree.root()));
        }
      }
      seen = namespace;
      seenCount += 1;
      if (namespaces.length === MAX_ROOTS || seenCount === maxPageNamespaces) {
        return page(seen, false);
      }
    }
    return page(undefined, false);
  }

  /** The children of each node; nothing where it is a leaf here. */
  async children(namespace: string, prefixes: readonly string[]): Promise<readonly Buffer[]> {
    const tree = await this.#options.index.tree(namespace);
    return prefixes.map((prefix) => tree.children(prefix));
  }

  /** Lists the objects below nodes in the order of their paths. */
  async leaves(
    namespace: string,
    prefixes: readonly string[],
    after: string | undefined,
    signal: AbortSignal,
  ): Promise<LeavesPage> {
    const keys: string[] = [];
    const digests: Buffer[] = [];
    let pathCount = 0;
    const isWanted = bucketSelector(prefixes);
    for await (const { key, digest } of this.#options.index.walk({
      ...{ namespace, isWanted, after, signal },
    })) {
      pathCount += 1;
      if (digest !== undefined) {
        keys.push(key);
        digests.push(digest);
      }
      if (keys.length === MAX_LEAF_ENTRIES || pathCount === maxPagePaths) {
        return { keys, digests: Buffer.concat(digests), next: key };
      }
    }
    return { keys, digests: Buffer.concat(digests) };
  }

  /** Encodes the versions of the first of the keys, as many as fit an answer. */
  async records(
    namespace: string,
    keys: readonly string[],
    sinceMs: number | undefined,
  ): Promise<{ readonly doneCount: number; readonly events: readonly Uint8Array[] }> {
    const { table, mayLeave } = this.#options;
    const events: Uint8Array[] = [];
    let eventsBytes = 0;
    for (const [index, key] of keys.entries()) {
      const state = await table.readForChange(objectPath(namespace, key));
      const versions = (state ?? []).filter(
        (record) =>
          mayLeave(record) && (sinceMs === undefined || record.version.physicalMs >= sinceMs),
      );
      for (const record of versions) {
        const event = encodeEvent(record);
        events.push(event);
        eventsBytes += event.byteLength;
      }
      if (eventsBytes >= maxEventsBytes) return { doneCount: index + 1, events };
    }
    return { doneCount: keys.length, events };
  }

  /** The last place in this node's log that was written before a time. */
  async place(timeMs: number): Promise<LogPosition> {
    const { log } = this.#options;
    let before = log.tailSequence - 1;
    let behind = log.headSequence + 1;
    while (behind - before > 1) {
      const middle = Math.floor((before + behind) / 2);
      const [entry] = await log.read(middle, { limitEntries: 1 });
      if (entry === undefined || entry.appendedAtMs >= timeMs) behind = middle;
      else before = middle;
    }
    return { epoch: log.epoch, sequence: before };
  }

  async #treeInTime(namespace: string): Promise<DigestTree | undefined> {
    const { index, clock } = this.#options;
    let timer: Disposable | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = clock.setTimeout(() => resolve(undefined), buildWaitMs);
    });
    try {
      return await Promise.race([index.tree(namespace), late]);
    } finally {
      timer?.[Symbol.dispose]();
    }
  }
}
