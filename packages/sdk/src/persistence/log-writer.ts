import { logError } from '../errors/log-errors.js';
import type { Clock } from '../plugin/clock.js';
import type { LogExtent } from './log-extent.js';
import { encodeFrame, frameEntryBytes, type LogFrame, MAX_FRAME_ENTRIES } from './log-frame.js';
import type { LogFrames } from './log-frames.js';
import type {
  BackingStoreOperation,
  Durability,
  IPersistentBackingStore,
} from './persistent-backing-store.js';

/** Most bytes that one commit takes, unless a single append is larger. */
const maxCommitBytes = 4 * 1024 * 1024;
/** Most bytes that may wait for a commit. */
const maxWaitingBytes = 64 * 1024 * 1024;

interface WaitingAppend {
  readonly data: Uint8Array;
  readonly operations: readonly BackingStoreOperation[];
  readonly sizeBytes: number;
  readonly resolve: (sequence: number) => void;
  readonly reject: (reason: Error) => void;
}

/** Options of {@link LogWriter}. */
export interface LogWriterOptions {
  readonly store: IPersistentBackingStore;
  readonly frames: LogFrames;
  readonly extent: LogExtent;
  readonly durability: Durability;
  readonly clock: Clock;
  /** Called when a frame is durable, before its appends resolve. */
  readonly onCommit: (frame: LogFrame) => void;
}

/**
 * The one writer of a log. Whatever waits becomes one frame, one value, one atomic batch;
 * sequences are given when it commits, so a failed append leaves no hole.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #waiting = new Set<WaitingAppend>();
  #waitingBytes = 0;
  #committingCount = 0;
  #running: Promise<void> | undefined;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /** Entries that are not durable yet. */
  get waitingEntries(): number {
    return this.#waiting.size + this.#committingCount;
  }

  /** Resolves to the sequence of the entry once it is durable. */
  append(
    data: Uint8Array,
    operations: readonly BackingStoreOperation[],
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const sizeBytes = operations.reduce(
      (sum, operation) =>
        sum + operation.path.length + (operation.type === 'write' ? operation.data.length : 0),
      frameEntryBytes(data),
    );
    if (this.#waitingBytes > 0 && this.#waitingBytes + sizeBytes > maxWaitingBytes) {
      throw logError('DW_LOG_FULL', {
        message: 'Too many bytes wait to be written to the log',
        details: { waitingBytes: this.#waitingBytes, maxWaitingBytes },
      });
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        // What is being committed cannot be taken back.
        if (!this.#waiting.delete(waiting)) return;
        this.#waitingBytes -= sizeBytes;
        reject(signal?.reason as Error);
      };
      const done = (): void => signal?.removeEventListener('abort', onAbort);
      const waiting: WaitingAppend = {
        data,
        operations,
        sizeBytes,
        resolve: (sequence) => {
          done();
          resolve(sequence);
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
      this.#waitingBytes += sizeBytes;
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is appended in the same turn belongs to the same frame.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const group = this.#take();
      this.#committingCount = group.length;
      await this.#commit(group);
      this.#committingCount = 0;
      // Lets those who have just been answered append again, into the next frame.
      if (this.#waiting.size > 0) await new Promise(setImmediate);
    }
    this.#running = undefined;
  }

  #take(): readonly WaitingAppend[] {
    const group: WaitingAppend[] = [];
    let sizeBytes = 0;
    for (const waiting of this.#waiting) {
      const isFull = sizeBytes + waiting.sizeBytes > maxCommitBytes;
      if (group.length === MAX_FRAME_ENTRIES || (isFull && group.length > 0)) break;
      sizeBytes += waiting.sizeBytes;
      group.push(waiting);
      this.#waiting.delete(waiting);
    }
    this.#waitingBytes -= sizeBytes;
    return group;
  }

  async #commit(group: readonly WaitingAppend[]): Promise<void> {
    const { store, frames, extent, durability, clock, onCommit } = this.#options;
    const header = {
      epoch: extent.epoch,
      firstSequence: extent.headSequence + 1,
      startBytes: extent.endBytes,
      appendedAtMs: clock.now(),
      previousChecksum: extent.headChecksum,
    };
    try {
      const { bytes, frame } = encodeFrame(
        header,
        group.map(({ data }) => data),
      );
      const path = frames.pathOf(frame.firstSequence);
      await store.batch(
        [{ type: 'write', path, data: bytes }, ...group.flatMap(({ operations }) => operations)],
        { durability },
      );
      extent.grow(frame);
      frames.remember(frame);
      onCommit(frame);
    } catch (error) {
      for (const { reject } of group) reject(error as Error);
      return;
    }
    for (const [index, { resolve }] of group.entries()) resolve(header.firstSequence + index);
  }
}
