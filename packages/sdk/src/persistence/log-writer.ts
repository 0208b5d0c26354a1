import type { Clock } from '../plugin/clock.js';
import type { LogExtent, LogPosition } from './log-extent.js';
import { encodeFrame, type FrameSummary } from './log-frame.js';
import type { LogFrames } from './log-frames.js';
import { LogQueue, type WaitingAppend } from './log-queue.js';
import type {
  BackingStoreOperation,
  Durability,
  IPersistentBackingStore,
} from './persistent-backing-store.js';

/** Options of {@link LogWriter}. */
export interface LogWriterOptions {
  readonly store: IPersistentBackingStore;
  readonly frames: LogFrames;
  readonly extent: LogExtent;
  readonly durability: Durability;
  readonly clock: Clock;
  /** Called when a frame is durable, before its appends resolve. */
  readonly onCommit: (frame: FrameSummary) => void;
}

/**
 * The one writer of a log. Whatever waits becomes one frame, one value, one atomic batch;
 * sequences are given when it commits, so a failed append leaves no hole.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #queue = new LogQueue();
  #committingCount = 0;
  #running: Promise<void> | undefined;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /** Entries that are not durable yet. */
  get waitingEntries(): number {
    return this.#queue.length + this.#committingCount;
  }

  /**
   * Resolves to the position of the entry once it is durable.
   *
   * @throws {@link DwError} `DW_LOG_FULL`.
   */
  append(
    data: Uint8Array,
    operations: readonly BackingStoreOperation[],
    signal: AbortSignal | undefined,
  ): Promise<LogPosition> {
    const append = this.#queue.add(data, operations, signal);
    this.#running ??= this.#run();
    return append;
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      // All that is appended in one turn, also by those who have just been answered, is one frame.
      await new Promise(setImmediate);
      const group = this.#queue.take();
      if (group.length === 0) continue;
      await this.#commit(group);
    }
    this.#running = undefined;
  }

  async #commit(group: readonly WaitingAppend[]): Promise<void> {
    const { store, frames, extent, durability, clock, onCommit } = this.#options;
    const { epoch } = extent;
    const firstSequence = extent.headSequence + 1;
    this.#committingCount = group.length;
    try {
      const { frame, bytes } = encodeFrame(
        {
          epoch,
          firstSequence,
          startBytes: extent.endBytes,
          appendedAtMs: clock.now(),
          previousChecksum: extent.headChecksum,
        },
        group,
        (sizeBytes) => frames.recent.reserve(sizeBytes),
      );
      const operations: BackingStoreOperation[] = [
        { type: 'write', path: frames.pathOf(firstSequence), data: bytes },
      ];
      if (extent.isGuarded) {
        operations.push({ type: 'delete', path: frames.pathOf(frame.lastSequence + 1) });
      }
      for (const waiting of group) {
        for (const operation of waiting.operations) operations.push(operation);
      }
      await store.batch(operations, { durability });
      extent.grow(frame);
      frames.recent.keep(frame, bytes);
      this.#committingCount = 0;
      onCommit(frame);
    } catch (error) {
      this.#committingCount = 0;
      for (const { reject } of group) reject(error as Error);
      return;
    }
    let sequence = firstSequence;
    for (const { resolve } of group) {
      resolve({ epoch, sequence });
      sequence += 1;
    }
  }
}
