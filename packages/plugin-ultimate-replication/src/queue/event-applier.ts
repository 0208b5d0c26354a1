import { type ContentStore, DwError, type Logger } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ObjectApplier } from '../objects/object-applier.js';
import type { ObjectRecord } from '../objects/object-record.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { prefetchChunks } from '../sync/prefetch-chunks.js';
import type { DeadLetter, DeadLetterChange, DeadLetters } from './dead-letters.js';
import type { OriginPositions } from './origin-positions.js';
import { decodeEvent } from './replication-event.js';
import type { ReplicationPeer } from './replication-peer.js';

/** What an {@link EventApplier} works with. */
export interface EventApplierOptions {
  readonly applier: ObjectApplier;
  readonly content: ContentStore;
  readonly positions: OriginPositions;
  readonly deadLetters: DeadLetters;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly counters: ReplicationCounters;
  readonly logger: Logger;
}

/** An event of a log, as it came. */
export interface NumberedEvent {
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** Events that follow one another and what is applied already. */
export interface EventsOfOrigin {
  readonly origin: string;
  readonly epoch: string;
  readonly events: readonly NumberedEvent[];
  /** Contents that came along, by their digests. */
  readonly chunks: ReadonlyMap<string, Uint8Array>;
  readonly signal: AbortSignal;
}

interface DecodedEvents {
  readonly records: readonly ObjectRecord[];
  readonly eventOf: ReadonlyMap<ObjectRecord, NumberedEvent>;
  readonly letters: readonly DeadLetter[];
}

/** Longest event: both names, escaped, and all else that a version has. */
const maxEventBytes = 65_536;
/** Times that a batch fails for a reason that lies here, before its events are tried singly. */
const patience = 3;

/** Applies events with this node's place in the other's log, in one durable batch. */
export class EventApplier {
  readonly #options: EventApplierOptions;
  /** Where a batch failed last, and how often. */
  readonly #failures = new Map<string, { readonly sequence: number; readonly count: number }>();

  constructor(options: EventApplierOptions) {
    this.#options = options;
  }

  /**
   * Applies events; what cannot be applied goes among the dead letters, and is returned.
   *
   * An error that lies in one event or in what it meets here must not stop all that come after it:
   * a batch that keeps failing so is applied event by event, and the one to blame is put aside.
   */
  async apply(batch: EventsOfOrigin): Promise<readonly DeadLetter[]> {
    const { origin, events, signal } = batch;
    try {
      const letters = await this.#applyTogether(batch);
      this.#failures.delete(origin);
      return letters;
    } catch (error) {
      const sequence = events[0]?.sequence ?? 0;
      if (isTransient(error, signal) || !this.#isHopeless(origin, sequence)) throw error;
    }
    const letters: DeadLetter[] = [];
    for (const event of events) {
      letters.push(...(await this.#applySingly({ ...batch, events: [event] }, event)));
    }
    this.#failures.delete(origin);
    return letters;
  }

  #isHopeless(origin: string, sequence: number): boolean {
    const known = this.#failures.get(origin);
    const count = known?.sequence === sequence ? known.count + 1 : 1;
    this.#failures.set(origin, { sequence, count });
    return count >= patience;
  }

  async #applySingly(batch: EventsOfOrigin, event: NumberedEvent): Promise<readonly DeadLetter[]> {
    try {
      return await this.#applyTogether(batch);
    } catch (cause) {
      if (isTransient(cause, batch.signal)) throw cause;
      const error = DwError.is(cause)
        ? cause
        : replicationError('DW_REPLICATION_EVENT_FAILED', {
            message: `An event of another node cannot be applied: ${String(cause)}`,
            cause,
          });
      return await this.#commit(batch, [], new Map(), [{ ...event, error }]);
    }
  }

  async #applyTogether(batch: EventsOfOrigin): Promise<readonly DeadLetter[]> {
    const { records, eventOf, letters } = decodeAll(batch);
    const peer = this.#options.peerOf(batch.origin);
    const source = peer.payloads(batch.chunks);
    const { content } = this.#options;
    const chunks = await prefetchChunks(records, content, source, batch.signal);
    return await this.#commit(batch, records, eventOf, letters, chunks);
  }

  async #commit(
    { origin, epoch, events, signal }: EventsOfOrigin,
    records: readonly ObjectRecord[],
    eventOf: ReadonlyMap<ObjectRecord, NumberedEvent>,
    undecoded: readonly DeadLetter[],
    chunks: ReadonlyMap<string, Uint8Array> = new Map(),
  ): Promise<readonly DeadLetter[]> {
    const { applier, positions, deadLetters, peerOf } = this.#options;
    const reached = { epoch, sequence: events.at(-1)?.sequence ?? 0 };
    const letters = [...undecoded];
    const kept: DeadLetterChange[] = [];
    await applier.apply({
      records,
      source: peerOf(origin).payloads(chunks),
      signal,
      operations: async (refused) => {
        for (const { record, error } of refused) {
          const event = eventOf.get(record);
          if (event !== undefined) letters.push({ ...event, error });
        }
        const change = await deadLetters.change(origin, epoch, letters);
        kept.push(change);
        return [positions.operation(origin, reached), ...change.operations];
      },
    });
    for (const change of kept) deadLetters.note(origin, change);
    positions.note(origin, reached);
    this.#report(origin, letters);
    return letters;
  }

  #report(origin: string, letters: readonly DeadLetter[]): void {
    for (const { sequence, error } of letters) {
      this.#options.counters.deadLetters += 1;
      this.#options.logger.error({ origin, sequence, error }, 'an event could not be applied');
    }
  }
}

/** Whether the same may well succeed later. What another node says is about that node. */
function isTransient(error: unknown, signal: AbortSignal): boolean {
  if (signal.aborted) return true;
  if (!DwError.is(error)) return false;
  const { code, category, retryable } = error;
  const passing = ['unavailable', 'exhausted', 'timeout'].includes(category);
  return retryable || passing || code.startsWith('DW_PEER_');
}

function decodeAll({ origin, events }: EventsOfOrigin): DecodedEvents {
  const records: ObjectRecord[] = [];
  const eventOf = new Map<ObjectRecord, NumberedEvent>();
  const letters: DeadLetter[] = [];
  for (const event of events) {
    try {
      const record = decodeEventOf(origin, event.data);
      records.push(record);
      eventOf.set(record, event);
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_INVALID_EVENT')) throw error;
      letters.push({ ...event, error });
    }
  }
  return { records, eventOf, letters };
}

/** A node's log holds what was written on that node, and nothing in the name of others. */
function decodeEventOf(origin: string, data: Uint8Array): ObjectRecord {
  if (data.byteLength > maxEventBytes) {
    throw replicationError('DW_REPLICATION_INVALID_EVENT', {
      message: `An event of another node has ${data.byteLength} bytes, more than ${maxEventBytes}`,
      details: { sizeBytes: data.byteLength, maxBytes: maxEventBytes },
    });
  }
  const record = decodeEvent(data);
  const { nodeId } = record.version;
  if (nodeId === origin) return record;
  throw replicationError('DW_REPLICATION_INVALID_EVENT', {
    message: `An event in the log of ${origin} claims to be written by another node`,
    details: { origin, writtenBy: nodeId },
  });
}
