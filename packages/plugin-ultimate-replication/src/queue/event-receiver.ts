import type { Clock, PeerRequest } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { Resynchroniser } from '../sync/resynchroniser.js';
import { ArrivalOrder } from './arrival-order.js';
import { EventApplier, type EventApplierOptions } from './event-applier.js';
import { unpackFrame } from './frame-compression.js';
import { decodePeerFrame } from './peer-frame.js';
import { type ApplyAnswer, type ApplyHeader, applySchema } from './peer-messages.js';

/** What an {@link EventReceiver} works with. */
export interface EventReceiverOptions extends EventApplierOptions {
  readonly resynchroniser: Resynchroniser;
  readonly clock: Clock;
}

/** Applies the events of other nodes: each log in order, without gaps, each event once. */
export class EventReceiver {
  readonly #options: EventReceiverOptions;
  readonly #applier: EventApplier;
  readonly #order: ArrivalOrder;

  constructor(options: EventReceiverOptions) {
    this.#options = options;
    this.#applier = new EventApplier(options);
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
    const { positions } = this.#options;
    return positions.exclusive(from, () => this.#apply(header, attachments, signal));
  }

  async #apply(
    header: ApplyHeader,
    attachments: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<ApplyAnswer> {
    const { positions, resynchroniser, deadLetters } = this.#options;
    const { origin, from, eventCount, log } = header;
    if (resynchroniser.startIfNeeded(origin, log)) return answer('resynchronising');
    const position = positions.get(origin);
    if (position === undefined) return answer('resynchronising');
    if (from > position.sequence + 1) return answer('expects', position);
    const events = attachments
      .slice(0, eventCount)
      .map((data, index) => ({ sequence: from + index, data }))
      .filter(({ sequence }) => sequence > position.sequence);
    const passed = { from, to: Math.min(from + eventCount - 1, position.sequence) };
    const before = passed.to < from ? [] : await deadLetters.refusals(origin, log.epoch, passed);
    const last = events.at(-1);
    if (last === undefined) return answer('applied', position, before);
    const chunks = new Map(
      header.chunks.map((digest, index) => [digest, attachments[eventCount + index] ?? noBytes]),
    );
    const batch = { origin, epoch: log.epoch, events, chunks, signal };
    const letters = await this.#applier.apply(batch);
    this.#order.notify(origin);
    const reached = { epoch: log.epoch, sequence: last.sequence };
    const refused = letters.map(({ sequence, error }) => ({ sequence, code: error.code }));
    return answer('applied', reached, [...before, ...refused]);
  }
}

const noBytes = new Uint8Array(0);

function answer(
  status: ApplyAnswer['status'],
  position?: ApplyAnswer['position'],
  refused: ApplyAnswer['refused'] = [],
): ApplyAnswer {
  return { status, position, refused };
}
