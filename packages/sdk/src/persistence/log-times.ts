const maxSamples = 1_024;

interface Sample {
  readonly sequence: number;
  readonly atMs: number;
}

/**
 * Remembers about when each held entry was appended, in bounded memory: when it is full, every
 * second sample goes. An answer may be too early, never too late.
 */
export class LogTimes {
  #samples: Sample[] = [];

  /** Notes that `sequence` was appended at `atMs`. Sequences ascend. */
  add(sequence: number, atMs: number): void {
    if (this.#samples.length >= maxSamples) {
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    }
    this.#samples.push({ sequence, atMs });
  }

  /** Drops what lies before `tailSequence`, save the sample that says when it was appended. */
  forget(tailSequence: number): void {
    const kept = this.#samples.findLastIndex(({ sequence }) => sequence <= tailSequence);
    if (kept > 0) this.#samples.splice(0, kept);
  }

  /** When `sequence` was appended, at the earliest. */
  at(sequence: number): number | undefined {
    const sample = this.#samples.findLast((candidate) => candidate.sequence <= sequence);
    return (sample ?? this.#samples[0])?.atMs;
  }
}
