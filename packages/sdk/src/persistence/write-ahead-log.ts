import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { Listeners } from '../concurrency/listeners.js';
import { logError } from '../errors/log-errors.js';
import { systemClock } from '../plugin/clock.js';
import type { LogConsumerState, LogConsumers } from './log-consumers.js';
import type { LogExtent, LogPosition } from './log-extent.js';
import { type LogParts, openLogParts } from './log-opening.js';
import {
  type LogAppendOptions,
  type LogTruncation,
  resolveLogLimits,
  type WriteAheadLogLimits,
  type WriteAheadLogOptions,
  type WriteAheadLogStatistics,
} from './log-options.js';
import { type LogEntry, LogReader, type LogReadOptions } from './log-reader.js';
import { LogRetention } from './log-retention.js';
import { LogWaiters } from './log-waiters.js';
import { LogWriter } from './log-writer.js';
import { assertStorePath } from './store-path.js';

/**
 * A durable, ordered log over a backing store, for many writers and named consumers.
 *
 * Appends that wait together commit together, as one checksummed value. Readers see only what is
 * durable, without holes. Entries go when every registered consumer has confirmed them, or when
 * they are too old or too many; whoever loses unconfirmed entries that way is told. After
 * `close()` every method rejects with `DW_LOG_CLOSED`.
 *
 * Damage is told, not passed over: `read` rejects with `DW_LOG_GAP`, and undamaged entries behind
 * it stay readable. Where the end of the log itself is in doubt at opening, the log goes on in a
 * new epoch behind every sequence that may have been given out.
 */
@SdkCompatibility('6.0.0')
export class WriteAheadLog implements AsyncDisposable {
  readonly #extent: LogExtent;
  readonly #consumers: LogConsumers;
  readonly #retention: LogRetention;
  readonly #reader: LogReader;
  readonly #writer: LogWriter;
  readonly #maxEntryBytes: number;
  readonly #waiters = new LogWaiters();
  readonly #truncations = new Listeners<LogTruncation>('onDidTruncate');
  #limits: Required<WriteAheadLogLimits>;
  #appendedCount = 0;
  #commitCount = 0;
  #closing: Promise<void> | undefined;

  private constructor(
    options: WriteAheadLogOptions,
    parts: LogParts,
    limits: Required<WriteAheadLogLimits>,
  ) {
    const { store, clock = systemClock, durability = 'disk' } = options;
    const { frames, extent, consumers, times, metaPath } = parts;
    this.#limits = limits;
    this.#maxEntryBytes = options.maxEntryBytes ?? 1_048_576;
    this.#extent = extent;
    this.#consumers = consumers;
    this.#retention = new LogRetention({
      ...{ store, metaPath, frames, extent, consumers, clock },
      limits: () => this.#limits,
      onTrim: (tailSequence, truncatedIds) => {
        times.forget(tailSequence);
        for (const consumerId of truncatedIds) {
          this.#truncations.emit({ consumerId, firstSequence: tailSequence });
        }
      },
    });
    this.#reader = new LogReader(frames, extent, this.#retention);
    this.#writer = new LogWriter({
      ...{ store, frames, extent, durability, clock },
      onCommit: (frame) => {
        this.#commitCount += 1;
        this.#appendedCount += frame.count;
        times.add(frame.firstSequence, frame.appendedAtMs);
        this.#waiters.wake(frame.lastSequence);
        this.#retention.noteCommit(frame);
      },
    });
  }

  /**
   * Opens a log, or creates it; its head is recovered before this resolves.
   *
   * @throws {@link DwError} what the store rejects with.
   */
  static async open(options: WriteAheadLogOptions): Promise<WriteAheadLog> {
    const limits = resolveLogLimits(options);
    return new WriteAheadLog(options, await openLogParts(options), limits);
  }

  /** Changes only where the log cannot vouch for earlier positions. */
  get epoch(): string {
    return this.#extent.epoch;
  }

  /** Last durable sequence; 0 when there never was one. */
  get headSequence(): number {
    return this.#extent.headSequence;
  }

  /** First sequence held; one past the head when nothing is. */
  get tailSequence(): number {
    return this.#extent.tailSequence;
  }

  /** Entries from tail to head. */
  get heldEntries(): number {
    return this.#extent.heldEntries;
  }

  /** Bytes that they take in the store. */
  get heldBytes(): number {
    return this.#extent.heldBytes;
  }

  /**
   * Appends an entry; resolves when it is durable.
   *
   * Entries are ordered as `append` was called. Where it rejects with an error of the store, the
   * entry is not readable until the log is opened again, when it may turn out to have been kept.
   *
   * @param data - Bytes of the entry; do not change them until the call settles.
   * @throws {@link DwError} `DW_LOG_ENTRY_TOO_LARGE`, `DW_LOG_FULL` (retryable), `DW_LOG_CLOSED`,
   *   `DW_STORE_INVALID_PATH`, or what the store rejects with.
   */
  async append(data: Uint8Array, options: LogAppendOptions = {}): Promise<LogPosition> {
    const { operations = [], signal } = options;
    this.#assertOpen();
    signal?.throwIfAborted();
    if (data.byteLength > this.#maxEntryBytes) {
      throw logError('DW_LOG_ENTRY_TOO_LARGE', {
        details: { sizeBytes: data.byteLength, maxEntryBytes: this.#maxEntryBytes },
      });
    }
    // One bad path must not fail the others of the commit.
    for (const { path } of operations) assertStorePath(path);
    this.#assertRoom();
    const sequence = await this.#writer.append(data, operations, signal);
    return { epoch: this.epoch, sequence };
  }

  /**
   * Reads durable entries without a hole, from sequence `from` on; none when `from` is one past
   * the head.
   *
   * @throws {@link DwError} `DW_LOG_TRUNCATED` with `details.firstSequence`, the first one held;
   *   `DW_LOG_GAP` with `details.nextSequence`, the first readable one behind the damage (or one
   *   past the head); `DW_LOG_INVALID_OFFSET`; `DW_LOG_CLOSED`.
   */
  async read(from: number, options: LogReadOptions = {}): Promise<readonly LogEntry[]> {
    this.#assertOpen();
    options.signal?.throwIfAborted();
    return this.#reader.read(from, options);
  }

  /**
   * Resolves when there are entries behind sequence `after`.
   *
   * @throws {@link DwError} `DW_LOG_CLOSED`, also when the log is closed meanwhile.
   */
  async waitForAppend(
    after: number,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#assertOpen();
    options.signal?.throwIfAborted();
    if (this.headSequence <= after) await this.#waiters.wait(after, options.signal);
  }

  /**
   * Registers a consumer: from now on entries wait for it. One that is known keeps its offset.
   *
   * @param options - `from: 'tail'` starts before everything held, `'head'` behind it.
   * @defaultValue `from` is `'tail'`.
   */
  async registerConsumer(
    id: string,
    options: { readonly from?: 'tail' | 'head' } = {},
  ): Promise<LogConsumerState> {
    this.#assertOpen();
    return this.#retention.holding(() => this.#consumers.register(id, options.from ?? 'tail'));
  }

  /**
   * Forgets a consumer, and releases what waited for it.
   *
   * @returns Whether it was registered.
   */
  async removeConsumer(id: string): Promise<boolean> {
    this.#assertOpen();
    const wasRegistered = await this.#consumers.remove(id);
    this.#retention.trimSoon();
    return wasRegistered;
  }

  /** The registered consumers by ascending id. Reading changes nothing, and costs no I/O. */
  consumers(): readonly LogConsumerState[] {
    return this.#consumers.states();
  }

  /** Where a consumer stands; `undefined` where none of that id is registered. */
  consumer(id: string): LogConsumerState | undefined {
    return this.#consumers.state(id);
  }

  /**
   * Confirms everything up to a position; resolves when that is durable. An earlier position than
   * the one confirmed changes nothing.
   *
   * @throws {@link DwError} `DW_LOG_UNKNOWN_CONSUMER`, `DW_LOG_EPOCH`, `DW_LOG_INVALID_OFFSET`,
   *   `DW_LOG_CLOSED`, or what the store rejects with.
   */
  async acknowledge(id: string, position: LogPosition): Promise<void> {
    this.#assertOpen();
    await this.#consumers.acknowledge(id, position);
    this.#retention.trimSoon();
  }

  /**
   * Removes the entries that are due. Runs by itself after acknowledgements and appends.
   *
   * @returns Number of entries removed.
   */
  async trim(): Promise<number> {
    this.#assertOpen();
    return this.#retention.trim();
  }

  /**
   * Changes limits at once; the others stay.
   *
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`; nothing is changed then.
   */
  reconfigure(changes: WriteAheadLogLimits): void {
    this.#limits = resolveLogLimits(changes, this.#limits);
    this.#retention.trimSoon();
  }

  /** Listens to consumers losing unconfirmed entries: once for each loss. */
  onDidTruncate(listener: (event: LogTruncation) => void): Disposable {
    return this.#truncations.add(listener);
  }

  statistics(): WriteAheadLogStatistics {
    return {
      appendedCount: this.#appendedCount,
      readCount: this.#reader.readCount,
      commitCount: this.#commitCount,
      heldEntries: this.heldEntries,
      heldBytes: this.heldBytes,
      failedTrimCount: this.#retention.failureCount,
    };
  }

  /** Waits for appends in flight, then refuses further calls. The store stays open. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#waiters.rejectAll(logError('DW_LOG_CLOSED'));
    await this.#writer.drain();
    await this.#retention.drain();
    await this.#consumers.drain();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw logError('DW_LOG_CLOSED');
  }

  #assertRoom(): void {
    const { maxHeldEntries } = this.#limits;
    if (maxHeldEntries === 0 || this.#consumers.size === 0) return;
    const unconfirmedEntries =
      this.headSequence - this.#consumers.floor() + this.#writer.waitingEntries;
    if (unconfirmedEntries < maxHeldEntries) return;
    // What is too old makes room for the next attempt.
    this.#retention.trimSoon();
    throw logError('DW_LOG_FULL', { details: { unconfirmedEntries, maxHeldEntries } });
  }
}
