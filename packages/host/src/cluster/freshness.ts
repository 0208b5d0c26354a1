import { peerError } from '@datawarehouse/sdk';
import { NonceCache } from './nonce-cache.js';

/** How far the clocks of two nodes may be apart, in milliseconds. */
const maxClockSkewMs = 5 * 60_000;

/** Tells messages that are sent now from those of long ago and from repeated ones. */
export class Freshness {
  readonly #now: () => number;
  readonly #nonces: NonceCache;

  constructor(now: () => number, options: { readonly maxNonces?: number } = {}) {
    this.#now = now;
    this.#nonces = new NonceCache({
      // What was signed before this process began may have been taken by the one before it.
      refusedUntilMs: now() + maxClockSkewMs - 1,
      ...(options.maxNonces !== undefined && { maxEntries: options.maxNonces }),
    });
  }

  /**
   * Refuses a time too far from this node's clock.
   *
   * @throws DwError `DW_PEER_CLOCK_SKEW` (retryable).
   */
  assertInTime(timestampMs: number): void {
    const skewMs = timestampMs - this.#now();
    if (Math.abs(skewMs) <= maxClockSkewMs) return;
    throw peerError('DW_PEER_CLOCK_SKEW', {
      message: `The message’s time is ${Math.round(skewMs / 1000)} s from this node’s clock`,
      details: { skewMs, maxSkewMs: maxClockSkewMs },
    });
  }

  /**
   * Takes an authenticated message once. Call it only after its signature was verified, so that
   * strangers cannot fill the memory.
   *
   * @throws DwError `DW_PEER_CLOCK_SKEW` (retryable), `DW_PEER_REPLAYED`,
   *   `DW_CLUSTER_BUSY` (retryable).
   */
  take(message: { readonly timestampMs: number; readonly nonce: string }): void {
    this.assertInTime(message.timestampMs);
    const expiresAtMs = message.timestampMs + maxClockSkewMs;
    const verdict = this.#nonces.add(message.nonce, expiresAtMs, this.#now());
    if (verdict === 'seen') throw peerError('DW_PEER_REPLAYED');
    if (verdict === 'tooOld') {
      throw peerError('DW_PEER_CLOCK_SKEW', {
        message: 'The message was signed before this node started',
        details: { timestampMs: message.timestampMs },
      });
    }
  }
}
