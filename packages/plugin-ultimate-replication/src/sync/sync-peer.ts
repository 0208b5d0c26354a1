import { compareStorePaths, type IPeerTransport, type LogPosition } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import { namespacePrefix, objectPath } from '../objects/object-name.js';
import { FrameCompressor } from '../queue/frame-compression.js';
import { callPeer } from '../queue/peer-call.js';
import type { PeerFrame } from '../queue/peer-frame.js';
import {
  type ExchangeScope,
  emptySchema,
  type LogState,
  type PullCounts,
  positionSchema,
} from '../queue/peer-messages.js';
import {
  digestServices,
  fetchAnswerSchema,
  leavesAnswerSchema,
  recordsAnswerSchema,
  rootsAnswerSchema,
} from './digest-messages.js';
import {
  bucketSelector,
  decodeNode,
  NODE_BYTES,
  TREE_FAN_OUT,
  type TreeNode,
} from './digest-tree.js';
import { bucketOf, DIGEST_BYTES } from './record-digest.js';

/** A page of the roots of another node's trees. */
export interface PeerRoots {
  readonly log: LogState;
  readonly roots: readonly { readonly namespace: string; readonly node: TreeNode }[];
  readonly next: string | undefined;
  readonly isPending: boolean;
}

/** An object that another node lists. */
export interface PeerEntry {
  readonly key: string;
  readonly path: string;
  readonly digest: Buffer;
}

/** Pages of one listing; each walks as many objects as it may, so more are a lie. */
const maxPages = 100_000;

const limitsMs = { short: 30_000, fetch: 3_600_000 };

/**
 * Another node, as the search for what differs calls it. What it answers is checked: it can be
 * wrong about what it has, but it cannot keep this node busy without end, or slip in other objects.
 *
 * All calls throw `DW_REPLICATION_INVALID_MESSAGE` where the answer makes no sense.
 */
export class SyncPeer {
  readonly nodeId: string;
  readonly #transport: IPeerTransport;
  readonly #compressor = new FrameCompressor();

  constructor(transport: IPeerTransport, nodeId: string) {
    this.#transport = transport;
    this.nodeId = nodeId;
  }

  /** Reads a page of roots: one node for each namespace, ascending. */
  async roots(
    scope: ExchangeScope,
    after: string | undefined,
    signal?: AbortSignal,
  ): Promise<PeerRoots> {
    const request = { ...scope, after };
    const answer = await this.#call(digestServices.roots, request, rootsAnswerSchema, signal);
    const { log, namespaces, next, isPending } = answer.header;
    const nodes = onlyAttachment(answer, namespaces.length * NODE_BYTES);
    let before = after;
    for (const namespace of namespaces) {
      if (!isBehind(namespacePrefix, before, namespace)) throw circular('namespaces', namespace);
      before = namespace;
    }
    const isFurther =
      next === undefined || next === before || isBehind(namespacePrefix, before, next);
    if (!isFurther || (!isPending && next !== undefined && next === after)) {
      throw circular('namespaces', next);
    }
    const roots = namespaces.map((namespace, index) => ({
      namespace,
      node: decodeNode(nodes, index * NODE_BYTES),
    }));
    return { log, roots, next, isPending };
  }

  /** Reads the children of nodes; `undefined` for one that is a leaf there. */
  async children(
    namespace: string,
    prefixes: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly (readonly TreeNode[] | undefined)[]> {
    const request = { namespace, prefixes };
    const answer = await this.#call(digestServices.children, request, emptySchema, signal);
    const { attachments } = answer;
    if (attachments.length !== prefixes.length) throw senseless('it answers other nodes');
    return attachments.map((attachment) => {
      if (attachment.length === 0) return undefined;
      if (attachment.length !== TREE_FAN_OUT * NODE_BYTES) throw senseless('a node is too long');
      const data = Buffer.from(attachment);
      return Array.from({ length: TREE_FAN_OUT }, (_, index) =>
        decodeNode(data, index * NODE_BYTES),
      );
    });
  }

  /**
   * Lists the objects below nodes in the order of their paths.
   *
   * @param maxCount - More than the node has said to have is a lie.
   */
  async *leaves(
    namespace: string,
    prefixes: readonly string[],
    maxCount: number,
    signal?: AbortSignal,
  ): AsyncGenerator<PeerEntry> {
    const isAsked = bucketSelector(prefixes);
    const pathOf = (key: string) => objectPath(namespace, key);
    let after: string | undefined;
    let count = 0;
    let pageCount = 0;
    do {
      pageCount += 1;
      if (pageCount > maxPages) throw senseless('its listing has no end');
      const request = { namespace, prefixes, after };
      const answer = await this.#call(digestServices.leaves, request, leavesAnswerSchema, signal);
      const { keys, next } = answer.header;
      const digests = onlyAttachment(answer, keys.length * DIGEST_BYTES);
      for (const [index, key] of keys.entries()) {
        const path = pathOf(key);
        if (!isBehind(pathOf, after, key)) throw circular('objects', key);
        if (!isAsked(bucketOf(path))) throw senseless('it lists objects of other leaves');
        count += 1;
        if (count > maxCount) throw senseless('it lists more objects than it said to have');
        yield {
          key,
          path,
          digest: digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
        };
        after = key;
      }
      const isFurther = next === undefined || next === keys.at(-1) || isBehind(pathOf, after, next);
      if (!isFurther) throw circular('objects', next);
      after = next;
    } while (after !== undefined);
  }

  /** Fetches the versions of objects; those that are gone meanwhile have none. */
  async *records(
    namespace: string,
    keys: readonly string[],
    sinceMs: number | undefined,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly Uint8Array[]> {
    let rest = keys;
    while (rest.length > 0) {
      const request = { namespace, keys: rest, sinceMs };
      const answer = await this.#call(digestServices.records, request, recordsAnswerSchema, signal);
      yield answer.attachments;
      rest = rest.slice(answer.header.doneCount);
    }
  }

  /** Has the other node fetch objects from this one. */
  async fetch(
    namespace: string,
    keys: readonly string[],
    sinceMs: number | undefined,
    signal?: AbortSignal,
  ): Promise<PullCounts> {
    const request = { namespace, keys, sinceMs };
    const { fetch } = digestServices;
    return (await this.#call(fetch, request, fetchAnswerSchema, signal, limitsMs.fetch)).header;
  }

  /** The last place in the node's log that was written before a time. */
  async place(timeMs: number, signal?: AbortSignal): Promise<LogPosition> {
    const { place } = digestServices;
    return (await this.#call(place, { timeMs }, positionSchema, signal)).header;
  }

  #call<THeader>(
    service: string,
    header: unknown,
    schema: ZodType<THeader>,
    signal: AbortSignal | undefined,
    timeoutMs: number = limitsMs.short,
  ): Promise<PeerFrame<THeader>> {
    const { nodeId } = this;
    const call = { nodeId, service, header, schema, timeoutMs, signal };
    return callPeer(this.#transport, this.#compressor, call);
  }
}

function isBehind(
  pathOf: (name: string) => string,
  before: string | undefined,
  name: string,
): boolean {
  return before === undefined || compareStorePaths(pathOf(name), pathOf(before)) > 0;
}

function onlyAttachment({ attachments }: PeerFrame<unknown>, sizeBytes: number): Buffer {
  const [data, ...others] = attachments;
  if (data?.length !== sizeBytes || others.length > 0) throw senseless('its digests do not fit');
  return Buffer.from(data);
}

function senseless(reason: string): Error {
  return replicationError('DW_REPLICATION_INVALID_MESSAGE', {
    message: `An answer of another node makes no sense: ${reason}`,
    details: { reason },
  });
}

function circular(what: string, at: string | undefined): Error {
  return replicationError('DW_REPLICATION_INVALID_MESSAGE', {
    message: `The listing of ${what} of another node goes in circles`,
    details: { at },
  });
}
