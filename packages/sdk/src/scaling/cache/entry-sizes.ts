import type { EvictionPolicyName } from '../eviction/eviction-policy.js';
import { firstSlot, grownCount } from './slot-table.js';

/**
 * Bytes that an entry takes beside its key and value, measured at full tables; with ARC also those
 * of a ghost. Docs: decision 20.
 */
export const overheadBytes: Readonly<Record<EvictionPolicyName, number>> = Object.freeze({
  LRU: 60,
  TTL: 76,
  ARC: 132,
  'W-TinyLFU': 78,
});

/** Bytes of the entries' keys and values, by slot. */
export class EntrySizes {
  #sizes: Float64Array = new Float64Array(0);
  #totalBytes = 0;

  /** Sum of all. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Marks all slots up to this one as not measured yet. */
  expect(usedEnd: number): void {
    this.#sizes = new Float64Array(usedEnd).fill(Number.NaN);
    this.#totalBytes = 0;
  }

  isMeasured(slot: number): boolean {
    return !Number.isNaN(this.#sizes[slot] ?? 0);
  }

  at(slot: number): number {
    return this.isMeasured(slot) ? (this.#sizes[slot] ?? 0) : 0;
  }

  set(slot: number, bytes: number): void {
    if (slot >= this.#sizes.length) {
      const grown = new Float64Array(Math.max(slot + 1, grownCount(this.#sizes.length, firstSlot)));
      grown.set(this.#sizes);
      this.#sizes = grown;
    }
    this.#totalBytes += bytes - this.at(slot);
    this.#sizes[slot] = bytes;
  }

  remove(slot: number): void {
    this.set(slot, 0);
  }
}

/**
 * Bytes of a key and a value as they would be encoded: text as UTF-8, bytes as they are, numbers
 * in 8 bytes, other values as JSON. What has no encoding counts nothing.
 */
export function encodedBytes(value: unknown, key: unknown): number {
  return encodedLength(value) + (typeof key === 'string' ? Buffer.byteLength(key) : 8);
}

function encodedLength(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value instanceof ArrayBuffer) return value.byteLength;
  if (typeof value !== 'object' || value === null) return 8;
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    // A cycle, a bigint, or a toJSON that fails: nothing that could be encoded.
    return 0;
  }
}
