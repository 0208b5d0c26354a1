import {
  type IPersistentBackingStore,
  LinkedAbort,
  type Logger,
  type LogPosition,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ObjectTable } from '../objects/object-table.js';
import type { OriginPositions } from '../queue/origin-positions.js';
import type { LogState, PullCounts } from '../queue/peer-messages.js';
import type { ReplicationPeer } from '../queue/replication-peer.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { addCounts, noCounts, type RemoteVersions } from './remote-versions.js';
import type { ExchangeOutcome, TreeExchange } from './tree-exchange.js';

/** What a {@link Resynchroniser} works with. */
export interface ResynchroniserOptions {
  readonly store: IPersistentBackingStore;
  readonly table: ObjectTable;
  readonly versions: RemoteVersions;
  readonly exchange: TreeExchange;
  readonly positions: OriginPositions;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly counters: ReplicationCounters;
  readonly logger: Logger;
}

interface RunningExchange {
  readonly abort: Pick<AbortController, 'abort'>;
  readonly done: Promise<void>;
}

/**
 * Fetches what another node has where its log cannot tell all: because this node is new to it, has
 * lost its position, fell behind what the log holds, or the log began a new epoch.
 */
export class Resynchroniser {
  readonly #options: ResynchroniserOptions;
  readonly #running = new Map<string, RunningExchange>();
  readonly #finished = new Set<(origin: string) => void>();
  #isStopped = false;

  constructor(options: ResynchroniserOptions) {
    this.#options = options;
  }

  /** Calls back when this node can follow the log of an origin again. */
  onDidFinish(listener: (origin: string) => void): void {
    this.#finished.add(listener);
  }

  /** Whether this node fetches the state of an origin. */
  isRunning(origin: string): boolean {
    return this.#running.has(origin);
  }

  /**
   * Begins to resynchronise with an origin, unless its log continues where this node is.
   *
   * @returns Whether the log cannot be applied for the time being.
   */
  startIfNeeded(origin: string, log: LogState): boolean {
    if (this.#isStopped || this.#running.has(origin)) return true;
    const position = this.#options.positions.get(origin);
    if (!isBroken(position, log)) return false;
    const abort = new AbortController();
    this.#options.logger.info({ origin, position, log }, 'resynchronising');
    this.#running.set(origin, { abort, done: this.#resynchronise(origin, abort.signal) });
    return true;
  }

  /** Fetches all that an origin has, and follows its log from there. */
  async reseed(origin: string, signal?: AbortSignal): Promise<PullCounts> {
    while (this.#running.has(origin)) await this.cancel(origin);
    if (this.#isStopped) throw replicationError('DW_REPLICATION_CLOSED');
    const abort = new LinkedAbort(signal);
    const work = this.#takeOver(origin, abort.signal, true);
    const done = work.then(
      () => abort[Symbol.dispose](),
      () => abort[Symbol.dispose](),
    );
    this.#running.set(origin, { abort, done });
    const counts = await work;
    for (const listener of this.#finished) listener(origin);
    return counts;
  }

  /** Ends the exchange with an origin, if one is under way. */
  async cancel(origin: string): Promise<void> {
    const running = this.#running.get(origin);
    running?.abort.abort();
    await running?.done;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#running.keys()].map((origin) => this.cancel(origin)));
  }

  /** Fetches all that another node has and that is newer there. */
  async #pullAll(origin: string, signal: AbortSignal): Promise<ExchangeOutcome> {
    const peer = this.#options.peerOf(origin);
    let log: LogState | undefined;
    let after: string | undefined;
    let counts = noCounts;
    do {
      signal.throwIfAborted();
      const { log: logThen, events, next } = await peer.snapshot(after, signal);
      log ??= logThen;
      const source = peer.payloads.bind(peer);
      const applied = await this.#options.versions.apply({ origin, events, source, signal });
      counts = addCounts(counts, applied);
      after = nextPage(after, next);
    } while (after !== undefined);
    return { ...counts, log };
  }

  /** Fetches and takes note of the place that this node has reached in the origin's log. */
  async #takeOver(origin: string, signal: AbortSignal, isWhole: boolean): Promise<PullCounts> {
    const { store, positions, counters, logger } = this.#options;
    try {
      const outcome = await (isWhole ? this.#pullAll(origin, signal) : this.#fetch(origin, signal));
      const { log, changedCount, refusedCount } = outcome;
      const position = { epoch: log.epoch, sequence: log.head };
      await positions.exclusive(origin, async () => {
        signal.throwIfAborted();
        await store.batch([positions.operation(origin, position)]);
        positions.note(origin, position);
      });
      counters.resynchronisations += 1;
      logger.info({ origin, changedCount, refusedCount, position }, 'resynchronised');
      return outcome;
    } finally {
      this.#running.delete(origin);
    }
  }

  async #resynchronise(origin: string, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.#takeOver(origin, signal, false);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error, origin }, 'could not resynchronise; trying again at the next contact');
      return;
    }
    for (const listener of this.#finished) listener(origin);
  }

  /** A node that has nothing lists all; any other finds what differs. */
  async #fetch(origin: string, signal: AbortSignal): Promise<ExchangeOutcome> {
    const { table, exchange } = this.#options;
    const { done: isEmpty = false } = await table.namespaces().next();
    if (isEmpty) return this.#pullAll(origin, signal);
    return exchange.run({ nodeId: origin, direction: 'pull', signal });
  }
}

/** A listing only ascends, so that it comes to its end. */
function nextPage(after: string | undefined, next: string | undefined): string | undefined {
  if (after === undefined || next === undefined || next > after) return next;
  throw replicationError('DW_REPLICATION_INVALID_MESSAGE', {
    message: 'The listing of another node goes in circles',
    details: { after, next },
  });
}

/** Whether a log does not continue where this node is. */
function isBroken(position: LogPosition | undefined, log: LogState): boolean {
  if (position?.epoch !== log.epoch) return true;
  return position.sequence + 1 < log.tail || position.sequence > log.head;
}
