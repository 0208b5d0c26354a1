import { type Clock, compareStorePaths, delay } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import { namespacePrefix } from '../objects/object-name.js';
import type { ObjectTable } from '../objects/object-table.js';
import type { PayloadSource } from '../objects/payload-source.js';
import type { ExchangeScope, LogState, PullCounts } from '../queue/peer-messages.js';
import { compilePattern } from '../routing/route-pattern.js';
import type { DigestIndex } from './digest-index.js';
import { NamespaceExchange } from './namespace-exchange.js';
import { addCounts, noCounts, type RemoteVersions } from './remote-versions.js';
import type { SyncPeer } from './sync-peer.js';

/** What a {@link TreeExchange} works with. */
export interface TreeExchangeOptions {
  readonly index: DigestIndex;
  readonly table: ObjectTable;
  readonly versions: RemoteVersions;
  readonly syncPeerOf: (nodeId: string) => SyncPeer;
  readonly payloadsOf: (
    nodeId: string,
  ) => (inline?: ReadonlyMap<string, Uint8Array>) => PayloadSource;
  readonly clock: Clock;
}

/** One exchange. */
export interface ExchangeRequest {
  readonly nodeId: string;
  /** `pull` fetches what differs; `both` has the other node fetch as well. */
  readonly direction: 'pull' | 'both';
  readonly scope?: ExchangeScope;
  readonly signal?: AbortSignal | undefined;
  /** Told how far it is, 0 to 1. */
  readonly onProgress?: ((ratio: number) => void) | undefined;
}

/** What an exchange has done, here and on the other node. */
export interface ExchangeOutcome extends PullCounts {
  /** The other node's log before the exchange: what it held then has been taken over. */
  readonly log: LogState;
}

const pendingWaitMs = 250;
const maxPendingCount = 2_400;
const maxNamespaces = 1_000_000;

/** Finds what differs between this node and another by their digest trees, and exchanges that. */
export class TreeExchange {
  readonly #options: TreeExchangeOptions;

  constructor(options: TreeExchangeOptions) {
    this.#options = options;
  }

  /**
   * Exchanges what differs.
   *
   * @throws {@link DwError} `DW_REPLICATION_INVALID_MESSAGE`, `DW_REPLICATION_SYNC_FAILED`, or what
   *   calling the other node throws.
   */
  async run(request: ExchangeRequest): Promise<ExchangeOutcome> {
    const { nodeId, direction, scope = {}, signal } = request;
    const work = this.#namespaceExchange(request);
    const mine = this.#namespaces(scope, direction);
    let log: LogState | undefined;
    let counts = noCounts;
    let next = await mine.next();
    for await (const page of this.#pages(nodeId, scope, signal)) {
      log ??= page.log;
      for (const { namespace, node } of page.roots) {
        while (next.done !== true && isBefore(next.value, namespace)) {
          counts = addCounts(counts, await work.give(next.value));
          next = await mine.next();
        }
        if (next.done !== true && next.value === namespace) next = await mine.next();
        counts = addCounts(counts, await work.exchange(namespace, node));
      }
    }
    while (next.done !== true) {
      counts = addCounts(counts, await work.give(next.value));
      next = await mine.next();
    }
    if (log === undefined) throw new TypeError('There is always a page');
    return { ...counts, log };
  }

  /** Fetches objects that the other node says this one lacks. */
  fetch(
    nodeId: string,
    objects: {
      readonly namespace: string;
      readonly keys: readonly string[];
      readonly sinceMs?: number | undefined;
    },
    signal?: AbortSignal,
  ): Promise<PullCounts> {
    const { namespace, keys, sinceMs } = objects;
    const work = this.#namespaceExchange({ nodeId, direction: 'pull', scope: { sinceMs }, signal });
    return work.fetch(namespace, keys);
  }

  #namespaceExchange(request: ExchangeRequest): NamespaceExchange {
    const { nodeId, direction, scope = {}, signal, onProgress } = request;
    const { index, versions, syncPeerOf, payloadsOf } = this.#options;
    return new NamespaceExchange({
      ...{ index, versions, direction, sinceMs: scope.sinceMs, signal, onProgress },
      peer: syncPeerOf(nodeId),
      payloads: payloadsOf(nodeId),
    });
  }

  /** This node's namespaces that the other node may lack; none where it fetches nothing. */
  async *#namespaces(
    { dataSetFilter }: ExchangeScope,
    direction: ExchangeRequest['direction'],
  ): AsyncGenerator<string, undefined> {
    if (direction === 'pull') return;
    const pattern = dataSetFilter === undefined ? undefined : compilePattern(dataSetFilter);
    for await (const namespace of this.#options.table.namespaces()) {
      if (pattern?.matches(namespace) !== false) yield namespace;
    }
  }

  async *#pages(nodeId: string, scope: ExchangeScope, signal: AbortSignal | undefined) {
    const peer = this.#options.syncPeerOf(nodeId);
    let after: string | undefined;
    let pendingCount = 0;
    let namespaceCount = 0;
    for (;;) {
      signal?.throwIfAborted();
      const page = await peer.roots(scope, after, signal);
      namespaceCount += page.roots.length + 1;
      if (namespaceCount > maxNamespaces) throw tooMuch('it lists too many namespaces');
      yield page;
      pendingCount = page.next === after ? pendingCount + 1 : 0;
      after = page.next;
      if (!page.isPending && after === undefined) return;
      if (!page.isPending) continue;
      if (pendingCount > maxPendingCount) throw tooMuch('its digests are never ready');
      await delay(pendingWaitMs, { clock: this.#options.clock, signal });
    }
  }
}

function isBefore(a: string, b: string): boolean {
  return compareStorePaths(namespacePrefix(a), namespacePrefix(b)) < 0;
}

function tooMuch(reason: string): Error {
  return replicationError('DW_REPLICATION_SYNC_FAILED', {
    message: `The exchange with another node was given up: ${reason}`,
    details: { reason },
  });
}
