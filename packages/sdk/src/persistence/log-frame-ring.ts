/** A frame in the ring. */
interface RingFrame {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly start: number;
  readonly length: number;
}

const smallestBytes = 256 * 1024;
const largestBytes = 8 * 1024 * 1024;
const maxFrames = 4_096;

/**
 * The frames written last, for readers at the head. They are encoded into one piece of memory that
 * is used over and over: an allocation a commit would keep the garbage collector busy.
 */
export class LogFrameRing {
  #memory = Buffer.alloc(0);
  /** Oldest first, from {@link #oldest} on. */
  #frames: RingFrame[] = [];
  #oldest = 0;
  /** Where the next frame goes. */
  #end = 0;

  /** Memory for a frame. What it shows may change with the next call, once it is written. */
  reserve(length: number): Buffer {
    if (length > largestBytes / 4) return Buffer.allocUnsafe(length);
    if (this.#end + length > this.#memory.length) this.#wrap(length);
    const stop = this.#end + length;
    for (let oldest = this.#first(); oldest !== undefined; oldest = this.#first()) {
      if (oldest.start < this.#end || oldest.start >= stop) break;
      this.#oldest += 1;
    }
    return this.#memory.subarray(this.#end, stop);
  }

  /** Keeps the frame that was encoded into what {@link reserve} gave last. */
  keep(frame: { readonly firstSequence: number; readonly lastSequence: number }, at: Buffer): void {
    if (at.buffer !== this.#memory.buffer) return;
    const { firstSequence, lastSequence } = frame;
    if (this.#frames.length - this.#oldest === maxFrames) this.#oldest += 1;
    if (this.#oldest > maxFrames) {
      this.#frames = this.#frames.slice(this.#oldest);
      this.#oldest = 0;
    }
    this.#frames.push({ firstSequence, lastSequence, start: this.#end, length: at.length });
    this.#end += at.length;
  }

  /** A copy of the frame that holds `sequence`. */
  find(sequence: number): Buffer | undefined {
    let low = this.#oldest;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#frames[middle]?.lastSequence ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    const found = this.#frames[low];
    if (found === undefined || found.firstSequence > sequence) return undefined;
    return Buffer.from(this.#memory.subarray(found.start, found.start + found.length));
  }

  #first(): RingFrame | undefined {
    return this.#frames[this.#oldest];
  }

  /** Begins again in front: in larger memory, without what was there, as long as it may grow. */
  #wrap(length: number): void {
    const grown = Math.max(smallestBytes, 2 * this.#memory.length, 4 * length);
    if (this.#memory.length < largestBytes) {
      this.#memory = Buffer.allocUnsafeSlow(Math.min(largestBytes, grown));
      this.#frames = [];
      this.#oldest = 0;
    }
    for (let oldest = this.#first(); oldest !== undefined; oldest = this.#first()) {
      if (oldest.start < this.#end) break;
      this.#oldest += 1;
    }
    this.#end = 0;
  }
}
