import { logError } from '../errors/log-errors.js';
import type { LogExtent } from './log-extent.js';
import { frameEntry } from './log-frame.js';
import type { LogFrames } from './log-frames.js';
import type { LogRetention } from './log-retention.js';

/** An entry of a log. */
export interface LogEntry {
  readonly sequence: number;
  /** Bytes as appended. Shared with other readers: do not change them. */
  readonly data: Uint8Array;
  /** When it was committed, milliseconds since the epoch. */
  readonly appendedAtMs: number;
}

/** How much one read of a log returns. */
export interface LogReadOptions {
  /**
   * Most entries, 1 or more.
   * @defaultValue 1000
   */
  readonly limitEntries?: number;
  /**
   * Most bytes of entries; the first one is returned whatever its size.
   * @defaultValue 1048576
   */
  readonly limitBytes?: number;
  /** Epoch that `from` belongs to: the read rejects where the log is in another. */
  readonly epoch?: string;
  /** Rejects the read with `signal.reason`. */
  readonly signal?: AbortSignal;
}

/** Reads the contiguous durable entries of a log. */
export class LogReader {
  readonly #frames: LogFrames;
  readonly #extent: LogExtent;
  readonly #retention: LogRetention;
  #readCount = 0;
  #gapCount = 0;

  constructor(frames: LogFrames, extent: LogExtent, retention: LogRetention) {
    this.#frames = frames;
    this.#extent = extent;
    this.#retention = retention;
  }

  /** Entries returned so far. */
  get readCount(): number {
    return this.#readCount;
  }

  /** Reads that met damage. */
  get gapCount(): number {
    return this.#gapCount;
  }

  async read(from: number, options: LogReadOptions): Promise<readonly LogEntry[]> {
    this.#assertEpoch(options.epoch);
    this.#assertHeld(from);
    if (from > this.#extent.headSequence) return [];
    let entries = await this.#collect(from, options);
    if (entries.length === 0) {
      // A trim may have passed through while the store was read.
      await this.#retention.holding(() => undefined);
      this.#assertHeld(from);
      entries = await this.#collect(from, options);
    }
    if (entries.length === 0) {
      this.#gapCount += 1;
      throw await this.#gapAt(from, options.signal);
    }
    this.#readCount += entries.length;
    return entries;
  }

  async #collect(from: number, options: LogReadOptions): Promise<LogEntry[]> {
    const { limitEntries = 1_000, limitBytes = 1_048_576, signal } = options;
    const { headSequence, tailSequence } = this.#extent;
    const entries: LogEntry[] = [];
    let sizeBytes = 0;
    for await (const frame of this.#frames.contiguous(from, tailSequence, signal && { signal })) {
      signal?.throwIfAborted();
      // Beyond the head lies what a failed commit may have left.
      if (frame.lastSequence > headSequence) return entries;
      const { appendedAtMs, firstSequence } = frame;
      for (let index = Math.max(0, from - firstSequence); index < frame.count; index += 1) {
        if (entries.length >= limitEntries) return entries;
        const data = frameEntry(frame, index);
        sizeBytes += data.byteLength;
        if (sizeBytes > limitBytes && entries.length > 0) return entries;
        entries.push({ sequence: firstSequence + index, data, appendedAtMs });
      }
      if (frame.lastSequence === headSequence || entries.length >= limitEntries) return entries;
    }
    return entries;
  }

  #assertEpoch(epoch: string | undefined): void {
    const currentEpoch = this.#extent.epoch;
    if (epoch === undefined || epoch === currentEpoch) return;
    throw logError('DW_LOG_EPOCH', { details: { epoch, currentEpoch } });
  }

  #assertHeld(from: number): void {
    const { headSequence, tailSequence } = this.#extent;
    if (!Number.isSafeInteger(from) || from < 1 || from > headSequence + 1) {
      throw logError('DW_LOG_INVALID_OFFSET', { details: { sequence: from, headSequence } });
    }
    if (from < tailSequence) {
      throw logError('DW_LOG_TRUNCATED', {
        details: { sequence: from, firstSequence: tailSequence },
      });
    }
  }

  async #gapAt(from: number, signal: AbortSignal | undefined): Promise<Error> {
    const next = await this.#frames.afterGap(from, signal && { signal });
    const nextSequence = Math.min(next ?? Infinity, this.#extent.headSequence + 1);
    return logError('DW_LOG_GAP', {
      message: `Entries ${from} to ${nextSequence - 1} of the log are missing or damaged`,
      details: { firstSequence: from, nextSequence },
    });
  }
}
