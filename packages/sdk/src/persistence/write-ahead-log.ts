import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { logError } from '../errors/log-errors.js';
import type { LogConsumerState } from './log-consumers.js';
import type { LogPosition } from './log-extent.js';
import { consumeLog, followLog, type LogFollowOptions } from './log-follower.js';
import { type LogParts, openLogParts } from './log-opening.js';
import {
  type LogAppendOptions,
  type LogTruncation,
  resolveLogLimits,
  type WriteAheadLogLimits,
  type WriteAheadLogOptions,
  type WriteAheadLogStatistics,
} from './log-options.js';
import type { LogEntry, LogReadOptions } from './log-reader.js';
import type { LogRecovery } from './log-recovery.js';
import type { BackingStoreOperation } from './persistent-backing-store.js';
import { assertStorePath } from './store-path.js';

const noOptions: LogAppendOptions = {};
const noOperations: readonly BackingStoreOperation[] = [];

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
  readonly #parts: LogParts;
  #closing: Promise<void> | undefined;

  private constructor(parts: LogParts) {
    this.#parts = parts;
  }

  /**
   * Opens a log, or creates it; its head is recovered before this resolves.
   *
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`, or what the store rejects with.
   */
  static async open(options: WriteAheadLogOptions): Promise<WriteAheadLog> {
    return new WriteAheadLog(await openLogParts(options));
  }

  /** What opening found: whether the log resumed, or had to start a new epoch, and why. */
  get recovery(): LogRecovery {
    return this.#parts.recovery;
  }

  /** Changes only where the log cannot vouch for earlier positions. */
  get epoch(): string {
    return this.#parts.extent.epoch;
  }

  /** Last durable sequence; 0 when there never was one. */
  get headSequence(): number {
    return this.#parts.extent.headSequence;
  }

  /** First sequence held; one past the head when nothing is. */
  get tailSequence(): number {
    return this.#parts.extent.tailSequence;
  }

  /** Entries from tail to head. */
  get heldEntries(): number {
    return this.#parts.extent.heldEntries;
  }

  /** Bytes that they take in the store. */
  get heldBytes(): number {
    return this.#parts.extent.heldBytes;
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
  append(data: Uint8Array, options: LogAppendOptions = noOptions): Promise<LogPosition> {
    try {
      const { operations = noOperations, signal } = options;
      this.#assertOpen();
      signal?.throwIfAborted();
      const { maxEntryBytes, writer } = this.#parts;
      if (data.length > maxEntryBytes) {
        const details = { sizeBytes: data.length, maxEntryBytes };
        throw logError('DW_LOG_ENTRY_TOO_LARGE', { details });
      }
      // One bad path must not fail the others of the commit.
      for (const { path } of operations) assertStorePath(path);
      this.#assertRoom();
      return writer.append(data, operations, signal);
    } catch (error) {
      const reason = error as Error;
      return Promise.reject(reason);
    }
  }

  /**
   * Reads durable entries without a hole, from sequence `from` on; none when `from` is one past
   * the head.
   *
   * @throws {@link DwError} `DW_LOG_TRUNCATED` with `details.firstSequence`, the first one held;
   *   `DW_LOG_GAP` with `details.nextSequence`, the first readable one behind the damage (or one
   *   past the head); `DW_LOG_EPOCH`; `DW_LOG_INVALID_OFFSET`; `DW_LOG_CLOSED`.
   */
  async read(from: number, options: LogReadOptions = {}): Promise<readonly LogEntry[]> {
    this.#assertOpen();
    options.signal?.throwIfAborted();
    return this.#parts.reader.read(from, options);
  }

  /**
   * Yields entries from sequence `from` on without end: `for await` waits for more at the head.
   *
   * @throws {@link DwError} as {@link read} does; `options.signal.reason` when aborted.
   */
  follow(from: number, options: LogFollowOptions = {}): AsyncGenerator<LogEntry, never> {
    return followLog(this, from, options);
  }

  /**
   * Follows the log for a registered consumer, from the entry behind the last one it confirmed. It
   * confirms by {@link acknowledge}.
   *
   * One that has lost entries is told once: the next call goes on from the first entry still held.
   *
   * @throws {@link DwError} `DW_LOG_TRUNCATED` with `details.firstSequence`, the first one held;
   *   `DW_LOG_EPOCH` where what it confirmed belongs to an earlier epoch; `DW_LOG_UNKNOWN_CONSUMER`;
   *   and as {@link follow} does.
   */
  consume(
    id: string,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<LogEntry, never> {
    return consumeLog(this, this.#parts.consumers, id, options);
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
    if (this.headSequence <= after) await this.#parts.waiters.wait(after, options.signal);
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
    return this.#parts.retention.holding(() =>
      this.#parts.consumers.register(id, options.from ?? 'tail'),
    );
  }

  /**
   * Forgets a consumer, and releases what waited for it.
   *
   * @returns Whether it was registered.
   */
  async removeConsumer(id: string): Promise<boolean> {
    this.#assertOpen();
    const wasRegistered = await this.#parts.consumers.remove(id);
    this.#parts.retention.trimSoon();
    return wasRegistered;
  }

  /** The registered consumers by ascending id. Reading changes nothing, and costs no I/O. */
  consumers(): readonly LogConsumerState[] {
    return this.#parts.consumers.states();
  }

  /** Where a consumer stands; `undefined` where none of that id is registered. */
  consumer(id: string): LogConsumerState | undefined {
    return this.#parts.consumers.state(id);
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
    await this.#parts.consumers.acknowledge(id, position);
    this.#parts.retention.trimSoon();
  }

  /**
   * Removes the entries that are due. Runs by itself after acknowledgements and appends, and as
   * entries grow too old.
   *
   * @returns Number of entries removed.
   */
  async trim(): Promise<number> {
    this.#assertOpen();
    return this.#parts.retention.trim();
  }

  /**
   * Changes limits at once; the others stay.
   *
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`; nothing is changed then.
   */
  reconfigure(changes: WriteAheadLogLimits): void {
    this.#parts.limits = resolveLogLimits(changes, this.#parts.limits);
    this.#parts.retention.noteLimits();
  }

  /** Listens to consumers losing unconfirmed entries: once for each loss. */
  onDidTruncate(listener: (event: LogTruncation) => void): Disposable {
    return this.#parts.truncations.add(listener);
  }

  statistics(): WriteAheadLogStatistics {
    return this.#parts.statistics();
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
    this.#parts.waiters.rejectAll(logError('DW_LOG_CLOSED'));
    await this.#parts.writer.drain();
    await this.#parts.retention.close();
    await this.#parts.consumers.drain();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw logError('DW_LOG_CLOSED');
  }

  #assertRoom(): void {
    const { maxHeldEntries } = this.#parts.limits;
    if (maxHeldEntries === 0 || this.#parts.consumers.size === 0) return;
    const unconfirmedEntries =
      this.headSequence - this.#parts.consumers.floor() + this.#parts.writer.waitingEntries;
    if (unconfirmedEntries < maxHeldEntries) return;
    // What is too old makes room for the next attempt.
    this.#parts.retention.trimSoon();
    throw logError('DW_LOG_FULL', { details: { unconfirmedEntries, maxHeldEntries } });
  }
}
