/** One look at a gate at the moment that an item left. */
interface Sample {
  readonly atMs: number;
  readonly waitedMs: number;
  /** Items and bytes that had left until then, since the gate was made. */
  readonly leftCount: number;
  readonly leftBytes: number;
}

const maxSamples = 256;
const maxAgeMs = 60_000;

/**
 * Measures how long items waited and how fast they leave, over the last 256 samples of at most a
 * minute.
 */
export class BackpressureMeter {
  #samples: Sample[] = [];
  /** Index of the oldest sample, once the window is full. */
  #oldest = 0;
  #leftCount = 0;
  #leftBytes = 0;
  /** Since when nothing has left, though something was inside, where that is known. */
  #quietSinceMs: number | undefined;

  /** Notes when the first item came in after a time without any. */
  begin(atMs: number | undefined): void {
    this.#quietSinceMs = atMs;
  }

  /** Counts items that left. */
  count(bytes: number, count = 1): void {
    this.#leftCount += count;
    this.#leftBytes += bytes;
  }

  /** Notes how long the item waited that was counted last. Need not be called for each. */
  sample(atMs: number, waitedMs: number): void {
    this.#quietSinceMs = atMs;
    const sample = { atMs, waitedMs, leftCount: this.#leftCount, leftBytes: this.#leftBytes };
    if (this.#samples.length < maxSamples) {
      this.#samples.push(sample);
      return;
    }
    this.#samples[this.#oldest] = sample;
    this.#oldest = (this.#oldest + 1) % maxSamples;
  }

  /**
   * 99th percentile of the waits. Where something is inside and nothing leaves, at least the time
   * that this has lasted: a queue that stands still has no new samples.
   */
  latencyP99(nowMs: number, isEmpty: boolean): number {
    const waits = this.#recent(nowMs).map(({ waitedMs }) => waitedMs);
    waits.sort((one, other) => one - other);
    const measured = waits[Math.ceil(waits.length * 0.99) - 1] ?? 0;
    return isEmpty ? measured : Math.max(measured, nowMs - (this.#quietSinceMs ?? nowMs));
  }

  /** Time until so many items and bytes will have left; `undefined` where nothing was measured. */
  timeToLeaveMs(items: number, bytes: number, nowMs: number): number | undefined {
    const first = this.#recent(nowMs).reduce<Sample | undefined>(
      (oldest, sample) => (oldest === undefined || sample.atMs < oldest.atMs ? sample : oldest),
      undefined,
    );
    if (first === undefined || nowMs <= first.atMs) return undefined;
    const elapsedMs = nowMs - first.atMs;
    // The first one left when the time began, so the others count.
    const leftCount = this.#leftCount - first.leftCount;
    const leftBytes = this.#leftBytes - first.leftBytes;
    if (leftCount === 0) return undefined;
    const forItems = (Math.max(0, items) / leftCount) * elapsedMs;
    if (bytes <= 0) return forItems;
    return leftBytes === 0 ? undefined : Math.max(forItems, (bytes / leftBytes) * elapsedMs);
  }

  #recent(nowMs: number): readonly Sample[] {
    return this.#samples.filter(({ atMs }) => nowMs - atMs <= maxAgeMs);
  }
}
