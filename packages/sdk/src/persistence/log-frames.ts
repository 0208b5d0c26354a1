import { type StoredValue, scanValues } from './damaged-values.js';
import { decodeFrame, type LogFrame } from './log-frame.js';
import { LogFrameRing } from './log-frame-ring.js';
import type {
  BackingStoreCallOptions,
  IPersistentBackingStore,
} from './persistent-backing-store.js';
import { sequenceSegment } from './store-path.js';

/** A stored frame, damaged or not. */
export interface StoredFrame {
  readonly path: string;
  /** From its path. */
  readonly firstSequence: number;
  /** 0 where the store itself calls it damaged. */
  readonly sizeBytes: number;
  /** `undefined` where it is damaged. */
  readonly frame: LogFrame | undefined;
}

const maxCachedFrames = 64;
const maxCachedBytes = 4 * 1024 * 1024;

/** Finds the frames of a log: in memory those written and read last, the others in its store. */
export class LogFrames {
  /** Frames written last. */
  readonly recent = new LogFrameRing();
  readonly #store: IPersistentBackingStore;
  readonly #prefix: string;
  readonly #cache = new Map<number, LogFrame>();
  #cachedBytes = 0;

  constructor(store: IPersistentBackingStore, path: string) {
    this.#store = store;
    this.#prefix = `${path}/frames/`;
  }

  pathOf(firstSequence: number): string {
    return this.#prefix + sequenceSegment(firstSequence);
  }

  /** Keeps a frame at hand. The oldest make room. */
  remember(frame: LogFrame): void {
    if (this.#cache.has(frame.firstSequence)) return;
    this.#cache.set(frame.firstSequence, frame);
    this.#cachedBytes += frame.bytes.length;
    for (const [firstSequence, oldest] of this.#cache) {
      if (this.#cache.size <= maxCachedFrames && this.#cachedBytes <= maxCachedBytes) return;
      this.#cache.delete(firstSequence);
      this.#cachedBytes -= oldest.bytes.length;
    }
  }

  /** Drops what lies before `tailSequence`. */
  forget(tailSequence: number): void {
    for (const [firstSequence, frame] of this.#cache) {
      if (frame.lastSequence >= tailSequence) continue;
      this.#cache.delete(firstSequence);
      this.#cachedBytes -= frame.bytes.length;
    }
  }

  /** The frame with the highest first sequence. */
  async last(options: BackingStoreCallOptions = {}): Promise<StoredFrame | undefined> {
    const newest = { ...options, reverse: true, limit: 1 };
    for await (const value of scanValues(this.#store, this.#prefix, newest)) {
      return this.#stored(value);
    }
    return undefined;
  }

  /** Yields frames whose first sequence is `fromSequence` or more, damaged ones too. */
  async *scan(
    fromSequence: number,
    options: BackingStoreCallOptions & { readonly limit?: number } = {},
  ): AsyncGenerator<StoredFrame> {
    const after = this.pathOf(Math.max(0, fromSequence - 1));
    for await (const value of scanValues(this.#store, this.#prefix, { ...options, after })) {
      yield this.#stored(value);
    }
  }

  /**
   * Yields undamaged frames without a break, from the one that holds `sequence` on; nothing where
   * it is missing, damaged, or does not continue the frame before it.
   */
  async *contiguous(
    sequence: number,
    tailSequence: number,
    options: BackingStoreCallOptions = {},
  ): AsyncGenerator<LogFrame> {
    let frame = await this.#holding(sequence, options);
    if (frame === undefined) return;
    if (frame.firstSequence > tailSequence) {
      const before = await this.#holding(frame.firstSequence - 1, options);
      if (before !== undefined && !continues(before, frame)) return;
    }
    yield frame;
    for (;;) {
      const next = this.#inMemory(frame.lastSequence + 1);
      if (next === undefined) break;
      if (!continues(frame, next)) return;
      frame = next;
      yield frame;
    }
    for await (const { frame: next } of this.scan(frame.lastSequence + 1, options)) {
      if (next === undefined || !continues(frame, next)) return;
      frame = next;
      this.remember(frame);
      yield frame;
    }
  }

  /** First sequence behind `sequence` from which {@link contiguous} yields again. */
  async afterGap(
    sequence: number,
    options: BackingStoreCallOptions = {},
  ): Promise<number | undefined> {
    let before = await this.#holding(sequence, options);
    for await (const { frame } of this.scan(sequence + 1, options)) {
      if (frame !== undefined && (before === undefined || continues(before, frame))) {
        return frame.firstSequence;
      }
      before = frame;
    }
    return undefined;
  }

  async #holding(
    sequence: number,
    options: BackingStoreCallOptions,
  ): Promise<LogFrame | undefined> {
    const cached = this.#inMemory(sequence);
    if (cached !== undefined) return cached;
    const listing = scanValues(this.#store, this.#prefix, {
      ...options,
      after: this.pathOf(sequence + 1),
      reverse: true,
      limit: 1,
    });
    for await (const value of listing) {
      const { frame } = this.#stored(value);
      if (frame === undefined || frame.lastSequence < sequence) return undefined;
      this.remember(frame);
      return frame;
    }
    return undefined;
  }

  #inMemory(sequence: number): LogFrame | undefined {
    const exact = this.#cache.get(sequence);
    if (exact !== undefined) return exact;
    for (const frame of this.#cache.values()) {
      if (frame.firstSequence <= sequence && sequence <= frame.lastSequence) return frame;
    }
    const bytes = this.recent.find(sequence);
    const frame = bytes && decodeFrame(bytes);
    if (frame !== undefined) this.remember(frame);
    return frame;
  }

  #stored({ path, data }: StoredValue): StoredFrame {
    const firstSequence = Number(path.slice(this.#prefix.length));
    const frame = data && decodeFrame(data);
    const isInPlace = frame?.firstSequence === firstSequence;
    const sizeBytes = data?.length ?? 0;
    return { path, firstSequence, sizeBytes, frame: isInPlace ? frame : undefined };
  }
}

/** Whether `next` was written right after `before`; a new epoch starts a new chain. */
function continues(before: LogFrame, next: LogFrame): boolean {
  return (
    next.firstSequence === before.lastSequence + 1 &&
    (next.epoch !== before.epoch || next.previousChecksum === before.checksum)
  );
}
