import { clusterError } from './cluster-errors.js';

/** How much a {@link NonceCache} remembers. */
export interface NonceCacheOptions {
  /**
   * Nonces that expire at or before this moment are refused: they may have been seen before the
   * cache existed. Milliseconds since the epoch.
   */
  readonly refusedUntilMs: number;
  /**
   * Most nonces remembered at a time, of about 66 bytes each. The default lasts for 3 300 messages
   * a second, which is more than one process answers.
   * @defaultValue 1000000
   */
  readonly maxEntries?: number;
}

/** Nonces that expire within one such span are forgotten together. */
const sliceMs = 15_000;

/**
 * The nonces seen until they expire, so that a request is taken once.
 *
 * None is forgotten before its time: a cache that is full refuses new ones instead. What was
 * forgotten is refused from then on, also when the clock is set back.
 */
export class NonceCache {
  readonly #maxEntries: number;
  /** By the number of the slice in which they expire. */
  readonly #slices = new Map<number, Set<string>>();
  #refusedUntilMs: number;
  #size = 0;

  constructor(options: NonceCacheOptions) {
    this.#maxEntries = options.maxEntries ?? 1_000_000;
    this.#refusedUntilMs = options.refusedUntilMs;
  }

  /** Nonces remembered now. */
  get size(): number {
    return this.#size;
  }

  /**
   * Remembers a nonce until it expires.
   *
   * @returns Whether it is new, was seen before, or is too old to tell.
   * @throws DwError `DW_CLUSTER_BUSY` (retryable) when the cache is full.
   */
  add(nonce: string, expiresAtMs: number, nowMs: number): 'new' | 'seen' | 'tooOld' {
    this.#forgetExpired(nowMs);
    if (expiresAtMs <= this.#refusedUntilMs) return 'tooOld';
    for (const slice of this.#slices.values()) if (slice.has(nonce)) return 'seen';
    if (this.#size >= this.#maxEntries) {
      throw clusterError('DW_CLUSTER_BUSY', { details: { rememberedNonces: this.#size } });
    }
    const number = Math.ceil(expiresAtMs / sliceMs);
    const slice = this.#slices.get(number) ?? new Set();
    this.#slices.set(number, slice.add(nonce));
    this.#size += 1;
    return 'new';
  }

  #forgetExpired(nowMs: number): void {
    for (const [number, slice] of this.#slices) {
      const lastExpiryMs = number * sliceMs;
      if (lastExpiryMs >= nowMs) continue;
      this.#slices.delete(number);
      this.#size -= slice.size;
      this.#refusedUntilMs = Math.max(this.#refusedUntilMs, lastExpiryMs);
    }
  }
}
