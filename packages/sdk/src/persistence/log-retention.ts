import { KeyedMutex } from '../concurrency/keyed-mutex.js';
import type { Clock } from '../plugin/clock.js';
import type { LogConsumers } from './log-consumers.js';
import { LogExpiry } from './log-expiry.js';
import type { LogExtent } from './log-extent.js';
import { type FrameSummary, frameEndBytes } from './log-frame.js';
import type { LogFrames, StoredFrame } from './log-frames.js';
import { encodeRecord } from './log-record.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';

/** Most frames that one batch removes. */
const maxBatchFrames = 256;
/** Without consumers, how many commits are gathered before they are trimmed. */
const commitsBeforeTrim = 32;
/** How soon a log is looked at whose first frame is damaged. */
const unknownTailMs = 60_000;

/** Limits that may change while the log is open. */
export interface RetentionLimits {
  readonly retentionMs: number;
  /** 0 for none. */
  readonly maxHeldBytes: number;
}

/** Options of {@link LogRetention}. */
export interface LogRetentionOptions {
  readonly store: IPersistentBackingStore;
  readonly metaPath: string;
  readonly frames: LogFrames;
  readonly extent: LogExtent;
  readonly consumers: LogConsumers;
  readonly clock: Clock;
  readonly limits: () => RetentionLimits;
  /** Called with the consumers that have just lost entries. */
  readonly onTrim: (tailSequence: number, truncatedIds: readonly string[]) => void;
}

interface TrimStep {
  readonly paths: readonly string[];
  readonly tailSequence: number;
  readonly startBytes: number;
  /** First frame that stays, where it is known. */
  readonly kept: FrameSummary | undefined;
  readonly isLast: boolean;
}

/**
 * Removes the frames that nobody needs: confirmed by every consumer, older than the retention, or
 * over the byte limit. The newest frame is never removed for its bytes.
 */
export class LogRetention {
  readonly #options: LogRetentionOptions;
  readonly #lock = new KeyedMutex();
  readonly #expiry: LogExpiry;
  /** Frame at the tail, where it is known: spares a look at the store when nothing is due. */
  #tail: FrameSummary | undefined;
  #commitsSinceTrim = 0;
  #failureCount = 0;
  #scheduled: Promise<void> | undefined;
  /** Rises whenever something may have become due. */
  #newsCount = 0;

  constructor(options: LogRetentionOptions) {
    this.#options = options;
    this.#expiry = new LogExpiry({
      clock: options.clock,
      dueAtMs: () => this.#dueAtMs(),
      trim: async () => {
        this.trimSoon();
        await this.#scheduled;
      },
    });
  }

  /** Begins to look after a log. `tail` is its first frame, where that is known. */
  begin(tail: FrameSummary | undefined): void {
    this.#tail = tail;
    this.#expiry.arm();
  }

  /** Takes account of limits that have changed. */
  noteLimits(): void {
    this.#expiry.rearm();
    this.trimSoon();
  }

  /** Trims that ran by themselves and failed; the next one makes up for them. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** Keeps the tail where it is while `work` runs. */
  holding<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#lock.run('tail', work);
  }

  /** Removes what is due. Returns the number of entries removed. */
  trim(): Promise<number> {
    return this.holding(async () => {
      const before = this.#options.extent.tailSequence;
      this.#commitsSinceTrim = 0;
      for (;;) {
        const step = await this.#plan();
        if (step.paths.length > 0) await this.#apply(step);
        this.#tail = step.kept;
        if (step.isLast) return this.#options.extent.tailSequence - before;
      }
    });
  }

  /** Notes a commit, and trims where that made something due. */
  noteCommit(frame: FrameSummary): void {
    const { extent } = this.#options;
    if (extent.tailSequence === frame.firstSequence) this.#tail = frame;
    this.#commitsSinceTrim += 1;
    this.#expiry.arm();
    this.trimSoon();
  }

  /** Trims without being waited for, if something is due. */
  trimSoon(): void {
    this.#newsCount += 1;
    if (this.#scheduled !== undefined || !this.#isDue()) return;
    this.#scheduled = this.#trimWhileDue().finally(() => {
      this.#scheduled = undefined;
    });
  }

  /** Ends; resolves when no trim runs. */
  async close(): Promise<void> {
    this.#expiry[Symbol.dispose]();
    await this.#scheduled;
    await this.holding(() => undefined);
  }

  /** Trims again where something became due while it ran. */
  async #trimWhileDue(): Promise<void> {
    try {
      let seen: number;
      do {
        seen = this.#newsCount;
        await this.trim();
      } while (this.#newsCount !== seen && this.#isDue());
    } catch {
      // Whoever needs the outcome calls trim(); the next event makes up for this.
      this.#failureCount += 1;
    }
  }

  #isDue(): boolean {
    const { extent, consumers } = this.#options;
    if (extent.heldEntries === 0) return false;
    if (this.#tail === undefined || this.#isTooOld(this.#tail)) return true;
    if (consumers.size === 0 && this.#commitsSinceTrim < commitsBeforeTrim) return false;
    return this.#isRemovable(this.#tail);
  }

  /** When the tail becomes too old. */
  #dueAtMs(): number | undefined {
    const { extent, clock, limits } = this.#options;
    if (extent.heldEntries === 0) return undefined;
    if (this.#tail === undefined) return clock.now() + unknownTailMs;
    return this.#tail.appendedAtMs + limits().retentionMs + 1;
  }

  #isTooOld({ appendedAtMs }: FrameSummary): boolean {
    const { clock, limits } = this.#options;
    return appendedAtMs < clock.now() - limits().retentionMs;
  }

  #isRemovable(frame: FrameSummary): boolean {
    const { extent, consumers, limits } = this.#options;
    const { lastSequence, startBytes } = frame;
    const { maxHeldBytes } = limits();
    if (lastSequence > extent.headSequence) return false;
    if (lastSequence <= consumers.floor()) return true;
    if (this.#isTooOld(frame)) return true;
    const isNewest = lastSequence === extent.headSequence;
    return maxHeldBytes > 0 && !isNewest && extent.endBytes - startBytes > maxHeldBytes;
  }

  /** Chooses what the next batch removes. A damaged frame goes with the one behind it. */
  async #plan(): Promise<TrimStep> {
    const { extent, frames, consumers } = this.#options;
    // Of the moment before the scan, which may not see what is committed meanwhile.
    let tailSequence = extent.headSequence + 1;
    let startBytes = extent.endBytes;
    const paths: string[] = [];
    let damaged: StoredFrame[] = [];
    for await (const stored of frames.scan(extent.tailSequence)) {
      if (stored.firstSequence > extent.headSequence) break;
      const { frame } = stored;
      if (frame === undefined) {
        damaged.push(stored);
        continue;
      }
      const isKept = !this.#isRemovable(frame);
      if (!isKept || consumers.floor() >= frame.firstSequence - 1) {
        paths.push(...damaged.map(({ path }) => path));
        damaged = [];
      }
      if (isKept || paths.length >= maxBatchFrames) {
        return { paths, ...startOf(damaged, frame), kept: frame, isLast: isKept };
      }
      paths.push(stored.path);
      tailSequence = Math.max(tailSequence, frame.lastSequence + 1);
      startBytes = Math.max(startBytes, frameEndBytes(frame));
    }
    const [first] = damaged;
    if (first !== undefined && consumers.floor() < extent.headSequence) {
      const damagedBytes = damaged.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      startBytes = extent.endBytes - damagedBytes;
      return {
        paths,
        tailSequence: first.firstSequence,
        startBytes,
        kept: undefined,
        isLast: true,
      };
    }
    paths.push(...damaged.map(({ path }) => path));
    return { paths, tailSequence, startBytes, kept: undefined, isLast: true };
  }

  async #apply({ paths, tailSequence, startBytes }: TrimStep): Promise<void> {
    const { store, metaPath, extent, consumers, frames, onTrim } = this.#options;
    const meta = encodeRecord(extent.meta(tailSequence));
    const lost = consumers.ids().filter((id) => {
      const position = consumers.position(id);
      return position !== undefined && !consumers.isTruncated(position);
    });
    // A trim that a power cut undoes is only done again.
    await store.batch(
      [
        ...paths.map((path) => ({ type: 'delete' as const, path })),
        { type: 'write', path: metaPath, data: meta },
      ],
      { durability: 'os' },
    );
    extent.shrink(tailSequence, startBytes);
    frames.forget(tailSequence);
    const truncated = lost.filter((id) => {
      const position = consumers.position(id);
      return position !== undefined && consumers.isTruncated(position);
    });
    onTrim(tailSequence, truncated);
  }
}

/** Where the held part starts when these frames stay. */
function startOf(
  damaged: readonly StoredFrame[],
  frame: FrameSummary,
): Pick<TrimStep, 'tailSequence' | 'startBytes'> {
  const damagedBytes = damaged.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return {
    tailSequence: damaged[0]?.firstSequence ?? frame.firstSequence,
    startBytes: frame.startBytes - damagedBytes,
  };
}
