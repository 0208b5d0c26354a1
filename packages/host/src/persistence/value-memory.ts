import { encodeStoredValue, storedValueBytes } from './stored-value.js';

/** Larger values get memory of their own. */
const memoryBytes = 1024 * 1024;

/**
 * Memory in which values are encoded for LevelDB, which copies them while it is being called: an
 * allocation a value would keep the garbage collector busy.
 */
export class ValueMemory {
  #memory: Buffer | undefined;
  #usedBytes = 0;

  /** Says that LevelDB has copied what was encoded so far. */
  reuse(): void {
    this.#usedBytes = 0;
  }

  /** A stored value that stays as it is until the next {@link reuse}. */
  encode(path: string, data: Uint8Array): Buffer {
    return encodeStoredValue(path, data, this.#take(storedValueBytes(data)));
  }

  #take(length: number): Buffer {
    const start = this.#usedBytes;
    if (start + length > memoryBytes) return Buffer.allocUnsafe(length);
    this.#memory ??= Buffer.allocUnsafeSlow(memoryBytes);
    this.#usedBytes += length;
    return this.#memory.subarray(start, start + length);
  }
}
