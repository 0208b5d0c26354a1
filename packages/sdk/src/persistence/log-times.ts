const maxSamples = 1_024;

interface Sample {
  readonly sequence: number;
  readonly atMs: number;
  /** Bytes of the log before the frame that begins with the sequence. */
  readonly startBytes: number;
}

/**
 * Remembers about when each held entry was appended, and where, in bounded memory: the more is
 * held, the further apart the samples. An answer may be too early, never too late.
 */
export class LogTimes {
  #samples: Sample[] = [];
  /** Least distance between samples. */
  #stride = 1;

  /** Notes that `sequence` was appended at `atMs`, behind `startBytes`. Sequences ascend. */
  add(sequence: number, atMs: number, startBytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && sequence < last.sequence + this.#stride) return;
    this.#samples.push({ sequence, atMs, startBytes });
    if (this.#samples.length <= maxSamples) return;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** Drops what lies before `tailSequence`, save the sample that says when it was appended. */
  forget(tailSequence: number): void {
    const kept = this.#samples.findLastIndex(({ sequence }) => sequence <= tailSequence);
    if (kept > 0) this.#samples.splice(0, kept);
    if (this.#samples.length < maxSamples / 4) this.#stride = Math.max(1, this.#stride / 2);
  }

  /** When `sequence` was appended, at the earliest. */
  at(sequence: number): number | undefined {
    return this.#before(sequence)?.atMs;
  }

  /** Bytes of the log before `sequence`, at the least. */
  startBytes(sequence: number): number | undefined {
    return this.#before(sequence)?.startBytes;
  }

  #before(sequence: number): Sample | undefined {
    const sample = this.#samples.findLast((candidate) => candidate.sequence <= sequence);
    return sample ?? this.#samples[0];
  }
}
