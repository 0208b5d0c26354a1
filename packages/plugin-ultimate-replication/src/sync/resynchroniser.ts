import {
  type ContentStore,
  DwError,
  type IPersistentBackingStore,
  type Logger,
  type LogPosition,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ObjectApplier } from '../objects/object-applier.js';
import type { ObjectRecord } from '../objects/object-record.js';
import type { RefusedRecord } from '../objects/remote-batch.js';
import type { OriginPositions } from '../queue/origin-positions.js';
import type { ExchangeScope, LogState, PullCounts } from '../queue/peer-messages.js';
import { decodeEvent } from '../queue/replication-event.js';
import type { ReplicationPeer } from '../queue/replication-peer.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { prefetchChunks } from './prefetch-chunks.js';

/** What a {@link Resynchroniser} works with. */
export interface ResynchroniserOptions {
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly applier: ObjectApplier;
  readonly positions: OriginPositions;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly counters: ReplicationCounters;
  readonly logger: Logger;
}

/** What one exchange has done. */
export interface PullOutcome extends PullCounts {
  /** The other node's log before the listing began. */
  readonly log: LogState;
}

/** Objects applied at a time, which bounds what is held in memory. */
const sliceLength = 64;

/**
 * Fetches the whole state of another node where its log cannot tell all: because this node is new
 * to it, has lost its position, fell behind what the log holds, or the log began a new epoch.
 */
export class Resynchroniser {
  readonly #options: ResynchroniserOptions;
  readonly #running = new Map<string, { readonly abort: AbortController; done: Promise<void> }>();
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
  async pull(origin: string, scope: ExchangeScope, signal?: AbortSignal): Promise<PullOutcome> {
    const peer = this.#options.peerOf(origin);
    let log: LogState | undefined;
    let after: string | undefined;
    let changedCount = 0;
    let conflictCount = 0;
    let refusedCount = 0;
    do {
      signal?.throwIfAborted();
      const page = await peer.snapshot({ ...scope, after }, signal);
      log ??= page.log;
      for (let at = 0; at < page.events.length; at += sliceLength) {
        const events = page.events.slice(at, at + sliceLength);
        const records = events.flatMap((event) => this.#decode(origin, event) ?? []);
        const outcome = await this.#apply(peer, records, signal);
        changedCount += outcome.changedCount;
        conflictCount += outcome.conflictCount;
        refusedCount += outcome.refused.length + events.length - records.length;
        this.#report(origin, outcome.refused);
      }
      after = nextPage(after, page.next);
    } while (after !== undefined);
    return { changedCount, conflictCount, refusedCount, log };
  }

  /** One version that cannot be read, say of a newer release, does not keep the others away. */
  #decode(origin: string, event: Uint8Array): ObjectRecord | undefined {
    try {
      return decodeEvent(event);
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_INVALID_EVENT')) throw error;
      this.#options.counters.deadLetters += 1;
      this.#options.logger.error({ origin, error }, 'a version cannot be read');
      return undefined;
    }
  }

  async #apply(peer: ReplicationPeer, records: readonly ObjectRecord[], signal?: AbortSignal) {
    const { applier, content } = this.#options;
    const chunks = await prefetchChunks(records, content, peer.payloads(), signal);
    return applier.apply({ records, source: peer.payloads(chunks), signal });
  }

  async #resynchronise(origin: string, signal: AbortSignal): Promise<void> {
    const { store, positions, counters, logger } = this.#options;
    try {
      const { log, changedCount, refusedCount } = await this.pull(origin, {}, signal);
      const position = { epoch: log.epoch, sequence: log.head };
      signal.throwIfAborted();
      await store.batch([positions.operation(origin, position)]);
      positions.note(origin, position);
      counters.resynchronisations += 1;
      logger.info({ origin, changedCount, refusedCount, position }, 'resynchronised');
      this.#running.delete(origin);
      for (const listener of this.#finished) listener(origin);
    } catch (error) {
      this.#running.delete(origin);
      if (signal.aborted) return;
      logger.warn({ error, origin }, 'could not resynchronise; trying again at the next contact');
    }
  }

  #report(origin: string, refused: readonly RefusedRecord[]): void {
    for (const { record, error } of refused) {
      const { namespace, key } = record;
      this.#options.counters.deadLetters += 1;
      this.#options.logger.error({ origin, namespace, key, error }, 'a version was refused');
    }
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
