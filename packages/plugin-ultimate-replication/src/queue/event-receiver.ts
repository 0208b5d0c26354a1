import {
  type Clock,
  type ContentStore,
  DwError,
  KeyedMutex,
  type Logger,
  type PeerRequest,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ObjectApplier } from '../objects/object-applier.js';
import type { ObjectRecord } from '../objects/object-record.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { prefetchChunks } from '../sync/prefetch-chunks.js';
import type { Resynchroniser } from '../sync/resynchroniser.js';
import { ArrivalOrder } from './arrival-order.js';
import type { DeadLetter, DeadLetters } from './dead-letters.js';
import { unpackFrame } from './frame-compression.js';
import type { OriginPositions } from './origin-positions.js';
import { decodePeerFrame } from './peer-frame.js';
import { type ApplyAnswer, type ApplyHeader, applySchema } from './peer-messages.js';
import { decodeEvent } from './replication-event.js';
import type { ReplicationPeer } from './replication-peer.js';

/** What an {@link EventReceiver} works with. */
export interface EventReceiverOptions {
  readonly applier: ObjectApplier;
  readonly content: ContentStore;
  readonly positions: OriginPositions;
  readonly deadLetters: DeadLetters;
  readonly resynchroniser: Resynchroniser;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly clock: Clock;
  readonly counters: ReplicationCounters;
  readonly logger: Logger;
}

interface NumberedEvent {
  readonly sequence: number;
  readonly data: Uint8Array;
}

interface DecodedEvents {
  readonly records: readonly ObjectRecord[];
  readonly eventOf: ReadonlyMap<ObjectRecord, NumberedEvent>;
  readonly letters: readonly DeadLetter[];
}

/** Applies the events of other nodes: each log in order, without gaps, each event once. */
export class EventReceiver {
  readonly #options: EventReceiverOptions;
  readonly #perOrigin = new KeyedMutex();
  readonly #order: ArrivalOrder;

  constructor(options: EventReceiverOptions) {
    this.#options = options;
    this.#order = new ArrivalOrder({ clock: options.clock });
  }

  /**
   * Answers `replication.apply`.
   *
   * @throws {@link DwError} `DW_REPLICATION_INVALID_MESSAGE`, `DW_REPLICATION_ORIGIN_MISMATCH`.
   */
  async receive({ from, body, signal }: PeerRequest): Promise<ApplyAnswer> {
    const { header, attachments } = decodePeerFrame(await unpackFrame(body), applySchema);
    if (header.origin !== from) {
      throw replicationError('DW_REPLICATION_ORIGIN_MISMATCH', {
        details: { origin: header.origin, sender: from },
      });
    }
    if (attachments.length !== header.eventCount + header.chunks.length) {
      throw replicationError('DW_REPLICATION_INVALID_MESSAGE', {
        details: { reason: 'attachments do not fit the head' },
      });
    }
    if (header.isPipelined === true) {
      const isDue = (): boolean => {
        const sequence = this.#options.positions.get(from)?.sequence;
        return sequence === undefined || sequence + 1 >= header.from;
      };
      await this.#order.wait(from, isDue, signal);
    }
    return this.#perOrigin.run(from, () => this.#apply(header, attachments, signal));
  }

  async #apply(
    header: ApplyHeader,
    attachments: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ApplyAnswer> {
    const { positions, resynchroniser } = this.#options;
    const { origin, from, eventCount, log } = header;
    if (resynchroniser.startIfNeeded(origin, log)) return answer('resynchronising');
    const position = positions.get(origin);
    if (position === undefined) return answer('resynchronising');
    if (from > position.sequence + 1) return answer('expects', position);
    const events = attachments
      .slice(0, eventCount)
      .map((data, index) => ({ sequence: from + index, data }))
      .filter(({ sequence }) => sequence > position.sequence);
    const last = events.at(-1);
    if (last === undefined) return answer('applied', position);
    const inline = new Map(
      header.chunks.map((digest, index) => [digest, attachments[eventCount + index] ?? noBytes]),
    );
    const reached = { epoch: log.epoch, sequence: last.sequence };
    const letters = await this.#applyEvents(origin, events, inline, reached, signal);
    positions.note(origin, reached);
    this.#order.notify(origin);
    return {
      status: 'applied',
      position: reached,
      refused: letters.map(({ sequence, error }) => ({ sequence, code: error.code })),
    };
  }

  async #applyEvents(
    origin: string,
    events: readonly NumberedEvent[],
    inline: ReadonlyMap<string, Uint8Array>,
    reached: { readonly epoch: string; readonly sequence: number },
    signal: AbortSignal,
  ): Promise<readonly DeadLetter[]> {
    const { applier, content, positions, deadLetters, peerOf } = this.#options;
    const decoded = decodeAll(events);
    const letters = [...decoded.letters];
    const peer = peerOf(origin);
    const chunks = await prefetchChunks(decoded.records, content, peer.payloads(inline), signal);
    await applier.apply({
      records: decoded.records,
      source: peer.payloads(chunks),
      signal,
      operations: async (refused) => {
        for (const { record, error } of refused) {
          const event = decoded.eventOf.get(record);
          if (event !== undefined) letters.push({ ...event, error });
        }
        return [
          positions.operation(origin, reached),
          ...(await deadLetters.operations(origin, reached.epoch, letters)),
        ];
      },
    });
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

const noBytes = new Uint8Array(0);

function answer(status: ApplyAnswer['status'], position?: ApplyAnswer['position']): ApplyAnswer {
  return { status, position, refused: [] };
}

function decodeAll(events: readonly NumberedEvent[]): DecodedEvents {
  const records: ObjectRecord[] = [];
  const eventOf = new Map<ObjectRecord, NumberedEvent>();
  const letters: DeadLetter[] = [];
  for (const event of events) {
    try {
      const record = decodeEvent(event.data);
      records.push(record);
      eventOf.set(record, event);
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_INVALID_EVENT')) throw error;
      letters.push({ ...event, error });
    }
  }
  return { records, eventOf, letters };
}
