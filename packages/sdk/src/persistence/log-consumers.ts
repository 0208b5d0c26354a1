import { InFlight } from '../concurrency/in-flight.js';
import { KeyedMutex } from '../concurrency/keyed-mutex.js';
import { logError } from '../errors/log-errors.js';
import type { Clock } from '../plugin/clock.js';
import { scanValues } from './damaged-values.js';
import type { LogExtent, LogPosition } from './log-extent.js';
import { decodeRecord, encodeRecord, offsetRecordSchema } from './log-record.js';
import type { LogTimes } from './log-times.js';
import type { Durability, IPersistentBackingStore } from './persistent-backing-store.js';
import { escapeSegment, unescapeSegment } from './store-path.js';

/** Where a consumer of a log stands. */
export interface LogConsumerState {
  readonly id: string;
  /** Last position that it confirmed. */
  readonly position: LogPosition;
  /** Held entries that it has not confirmed. */
  readonly lagEntries: number;
  /** Age of the oldest of them in milliseconds, at most; 0 when there are none. */
  readonly lagMs: number;
  /** Bytes of the log from the oldest of them on, at most; 0 when there are none. */
  readonly lagBytes: number;
  /**
   * Whether entries that it had not confirmed are gone, or belong to an earlier epoch: it has to
   * resynchronise, and then confirm a position at or behind the tail.
   */
  readonly isTruncated: boolean;
}

/** Reads the confirmed positions of all consumers. A damaged record counts as "nothing". */
export async function loadOffsets(
  store: IPersistentBackingStore,
  offsetsPath: string,
): Promise<Map<string, LogPosition>> {
  const offsets = new Map<string, LogPosition>();
  const prefix = `${offsetsPath}/`;
  for await (const { path, data } of scanValues(store, prefix)) {
    const id = unescapeSegment(path.slice(prefix.length));
    const record = data && decodeRecord(data, offsetRecordSchema);
    const isIntact = record?.id === id;
    offsets.set(id, {
      epoch: isIntact ? record.epoch : '',
      sequence: isIntact ? record.sequence : 0,
    });
  }
  return offsets;
}

/** Options of {@link LogConsumers}. */
export interface LogConsumersOptions {
  readonly store: IPersistentBackingStore;
  readonly offsetsPath: string;
  readonly durability: Durability;
  readonly clock: Clock;
  readonly extent: LogExtent;
  readonly times: LogTimes;
  /** As {@link loadOffsets} read them. */
  readonly offsets: Map<string, LogPosition>;
}

/** The registered consumers of a log. A position counts once it is stored. */
export class LogConsumers {
  readonly #options: LogConsumersOptions;
  readonly #positions: Map<string, LogPosition>;
  /** Tail that a consumer was told of when it lost entries, until it has caught up with it. */
  readonly #told = new Map<string, number>();
  readonly #locks = new KeyedMutex();
  readonly #inFlight = new InFlight();

  constructor(options: LogConsumersOptions) {
    this.#options = options;
    this.#positions = options.offsets;
  }

  get size(): number {
    return this.#positions.size;
  }

  ids(): readonly string[] {
    return [...this.#positions.keys()].sort();
  }

  position(id: string): LogPosition | undefined {
    return this.#positions.get(id);
  }

  /** Last entry that needs not be held for this position. A truncated one needs all there is. */
  needsAfter(position: LogPosition): number {
    const { epoch, tailSequence } = this.#options.extent;
    const before = tailSequence - 1;
    return position.epoch === epoch ? Math.max(position.sequence, before) : before;
  }

  isTruncated(position: LogPosition): boolean {
    const { epoch, tailSequence } = this.#options.extent;
    return position.epoch !== epoch || position.sequence < tailSequence - 1;
  }

  /** Last entry that every consumer has confirmed; the head when there are no consumers. */
  floor(): number {
    let floor = this.#options.extent.headSequence;
    for (const position of this.#positions.values()) {
      floor = Math.min(floor, this.needsAfter(position));
    }
    return floor;
  }

  states(): readonly LogConsumerState[] {
    return this.ids().flatMap((id) => this.state(id) ?? []);
  }

  state(id: string): LogConsumerState | undefined {
    const position = this.#positions.get(id);
    return position && this.#stateOf(id, position);
  }

  /**
   * Where a consumer reads on.
   *
   * @throws {@link DwError} `DW_LOG_UNKNOWN_CONSUMER`; `DW_LOG_TRUNCATED` or `DW_LOG_EPOCH` once
   *   for each loss: the next call goes on from the first entry held.
   */
  resume(id: string): number {
    const position = this.#positions.get(id);
    if (position === undefined) throw unknownConsumer(id);
    const { epoch, tailSequence } = this.#options.extent;
    if (!this.isTruncated(position)) return position.sequence + 1;
    if (this.#told.get(id) === tailSequence) return tailSequence;
    this.noteTold(id, tailSequence);
    const isOfEpoch = position.epoch === epoch;
    throw logError(isOfEpoch ? 'DW_LOG_TRUNCATED' : 'DW_LOG_EPOCH', {
      details: {
        consumerId: id,
        sequence: position.sequence + 1,
        firstSequence: tailSequence,
        ...(!isOfEpoch && { epoch: position.epoch, currentEpoch: epoch }),
      },
    });
  }

  /** Notes that a consumer knows that everything before `tailSequence` is gone. */
  noteTold(id: string, tailSequence: number): void {
    if (this.#positions.has(id)) this.#told.set(id, tailSequence);
  }

  register(id: string, from: 'tail' | 'head'): Promise<LogConsumerState> {
    return this.#exclusively(id, async () => {
      const known = this.#positions.get(id);
      if (known !== undefined) return this.#stateOf(id, known);
      const { epoch, headSequence, tailSequence } = this.#options.extent;
      const sequence = from === 'head' ? headSequence : tailSequence - 1;
      return this.#stateOf(id, await this.#store(id, { epoch, sequence }));
    });
  }

  remove(id: string): Promise<boolean> {
    return this.#exclusively(id, async () => {
      if (!this.#positions.has(id)) return false;
      const { store, durability } = this.#options;
      await store.delete(this.#pathOf(id), { durability });
      this.#told.delete(id);
      return this.#positions.delete(id);
    });
  }

  acknowledge(id: string, position: LogPosition): Promise<void> {
    this.#assertAcknowledgeable(position);
    return this.#exclusively(id, async () => {
      const known = this.#positions.get(id);
      if (known === undefined) throw unknownConsumer(id);
      const isNews = known.epoch !== position.epoch || known.sequence < position.sequence;
      if (isNews) await this.#store(id, { epoch: position.epoch, sequence: position.sequence });
    });
  }

  /** Resolves when no change of an offset is in flight. */
  drain(): Promise<void> {
    return this.#inFlight.drain();
  }

  #exclusively<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#inFlight.run(() => this.#locks.run(id, work));
  }

  #stateOf(id: string, position: LogPosition): LogConsumerState {
    const { extent, times, clock } = this.#options;
    const confirmed = this.needsAfter(position);
    const lagEntries = extent.headSequence - confirmed;
    const oldestAtMs = lagEntries > 0 ? times.at(confirmed + 1) : undefined;
    const startBytes = lagEntries > 0 ? times.startBytes(confirmed + 1) : undefined;
    return {
      id,
      position,
      lagEntries,
      lagMs: oldestAtMs === undefined ? 0 : Math.max(0, clock.now() - oldestAtMs),
      lagBytes: startBytes === undefined ? 0 : Math.max(0, extent.endBytes - startBytes),
      isTruncated: this.isTruncated(position),
    };
  }

  #assertAcknowledgeable({ epoch, sequence }: LogPosition): void {
    const { extent } = this.#options;
    if (epoch !== extent.epoch) {
      throw logError('DW_LOG_EPOCH', { details: { epoch, currentEpoch: extent.epoch } });
    }
    if (!Number.isSafeInteger(sequence) || sequence < 0 || sequence > extent.headSequence) {
      throw logError('DW_LOG_INVALID_OFFSET', {
        details: { sequence, headSequence: extent.headSequence },
      });
    }
  }

  async #store(id: string, position: LogPosition): Promise<LogPosition> {
    const { store, durability } = this.#options;
    await store.write(this.#pathOf(id), encodeRecord({ id, ...position }), { durability });
    this.#positions.set(id, position);
    return position;
  }

  #pathOf(id: string): string {
    return `${this.#options.offsetsPath}/${escapeSegment(id)}`;
  }
}

function unknownConsumer(consumerId: string): Error {
  return logError('DW_LOG_UNKNOWN_CONSUMER', { details: { consumerId } });
}
