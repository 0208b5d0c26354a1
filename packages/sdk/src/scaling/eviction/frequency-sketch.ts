import { mixed } from './key-hash.js';

/** Words of 32 bits a block: a line of the processor's cache. */
const blockWords = 16;
const rowCount = 4;
/** Entries for each block, of 32 counters a row. */
const entriesPerBlock = 8;
/** Small caches get more: there it costs little, and one wrong count weighs more. */
const smallBlocksPerEntry = 2;
const smallBlockCount = 1_024;
/** Words that one use ages, while the counts are being halved. */
const agingWords = 1_024;
const largestCount = 15;

/**
 * How often keys were seen lately, about: a count-min sketch of four rows of four-bit counters,
 * G. Einziger, R. Friedman and B. Manes, "TinyLFU", ACM Transactions on Storage 13 (2017).
 *
 * The four counters of a key lie in one block. All counts are halved after a sample, a piece at a time. Growing keeps the counts.
 */
export class FrequencySketch {
  #words: Int32Array = new Int32Array(blockWords);
  #blockMask = 0;
  #additions = 0;
  #enoughFor = 0;
  /** Next word to halve. */
  #agingAt: number = blockWords;

  /** Makes room for four counters a row for each of so many entries, at least. */
  ensure(entryCount: number): void {
    if (entryCount <= this.#enoughFor) return;
    const wanted = Math.max(
      entryCount / entriesPerBlock,
      Math.min(smallBlockCount, smallBlocksPerEntry * entryCount),
    );
    while (this.#blockMask + 1 < wanted) this.#double();
    this.#enoughFor = Math.floor(entryCount * ((this.#blockMask + 1) / wanted));
  }

  /** Uses that the counts stand for. */
  get additionCount(): number {
    return this.#additions;
  }

  /** Counts one use of a key. */
  add(hash: number, sampleCount: number): void {
    const words = this.#words;
    const block = (hash & this.#blockMask) * blockWords;
    let bits = mixed(hash);
    let hasChanged = false;
    for (let row = 0; row < rowCount; row += 1) {
      const index = block + 4 * row + (bits & 3);
      const shift = bits & 0x1c;
      bits >>>= 8;
      const word = words[index] as number;
      if (((word >>> shift) & largestCount) !== largestCount) {
        words[index] = word + (1 << shift);
        hasChanged = true;
      }
    }
    if (hasChanged) {
      this.#additions += 1;
      if (this.#additions >= sampleCount) this.#beginAging();
    }
    if (this.#agingAt < words.length) this.#age();
  }

  /** How often a key was seen, 0 to 15. */
  count(hash: number): number {
    const words = this.#words;
    const block = (hash & this.#blockMask) * blockWords;
    let bits = mixed(hash);
    let least = largestCount;
    for (let row = 0; row < rowCount; row += 1) {
      const word = words[block + 4 * row + (bits & 3)] as number;
      const count = (word >>> (bits & 0x1c)) & largestCount;
      bits >>>= 8;
      if (count < least) least = count;
    }
    return least;
  }

  #beginAging(): void {
    this.#additions >>>= 1;
    this.#agingAt = 0;
  }

  #age(): void {
    const words = this.#words;
    const end = Math.min(words.length, this.#agingAt + agingWords);
    for (let index = this.#agingAt; index < end; index += 1) {
      words[index] = ((words[index] as number) >>> 1) & 0x77777777;
    }
    this.#agingAt = end;
  }

  #double(): void {
    const words = new Int32Array(2 * this.#words.length);
    words.set(this.#words);
    words.set(this.#words, this.#words.length);
    // What is being aged is aged a little less.
    this.#agingAt = words.length;
    this.#words = words;
    this.#blockMask = 2 * this.#blockMask + 1;
  }
}
