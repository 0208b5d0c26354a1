import { type FrameSummary, frameEndBytes } from './log-frame.js';
import type { LogMeta } from './log-record.js';

/** A place in a log: an entry of one epoch. Sequences start at 1; 0 stands before the first. */
export interface LogPosition {
  /** Changes when the log cannot vouch for its earlier positions any more. */
  readonly epoch: string;
  readonly sequence: number;
}

/** What a log holds at the moment. The one mutable state that its parts share. */
export class LogExtent {
  readonly epoch: string;
  /** See {@link LogMeta.isGuarded}. */
  readonly isGuarded: boolean;
  #headSequence: number;
  #headChecksum: number;
  #endBytes: number;
  #tailSequence: number;
  #startBytes: number;

  constructor(meta: LogMeta, startBytes: number) {
    this.epoch = meta.epoch;
    this.isGuarded = meta.isGuarded;
    this.#headSequence = meta.headSequence;
    this.#headChecksum = meta.headChecksum;
    this.#endBytes = meta.endBytes;
    this.#tailSequence = meta.tailSequence;
    this.#startBytes = startBytes;
  }

  /** Last durable sequence; 0 when there never was one. */
  get headSequence(): number {
    return this.#headSequence;
  }

  /** Checksum that the next frame continues. */
  get headChecksum(): number {
    return this.#headChecksum;
  }

  get endBytes(): number {
    return this.#endBytes;
  }

  /** First sequence held; one past the head when nothing is. */
  get tailSequence(): number {
    return this.#tailSequence;
  }

  get heldEntries(): number {
    return this.#headSequence - this.#tailSequence + 1;
  }

  get heldBytes(): number {
    return this.#endBytes - this.#startBytes;
  }

  /** Takes in a frame that is durable. */
  grow(frame: FrameSummary): void {
    if (this.heldEntries === 0) this.#startBytes = frame.startBytes;
    this.#headSequence = frame.lastSequence;
    this.#headChecksum = frame.checksum;
    this.#endBytes = frameEndBytes(frame);
  }

  /** Lets go of everything before `tailSequence`. */
  shrink(tailSequence: number, startBytes: number): void {
    this.#tailSequence = tailSequence;
    this.#startBytes = startBytes;
  }

  /** The record that outlives the frames, as it will be when the tail has moved. */
  meta(tailSequence: number): LogMeta {
    return {
      epoch: this.epoch,
      tailSequence,
      headSequence: this.#headSequence,
      headChecksum: this.#headChecksum,
      endBytes: this.#endBytes,
      isGuarded: this.isGuarded,
    };
  }
}
