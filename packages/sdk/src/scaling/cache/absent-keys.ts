import type { Clock } from '../../plugin/clock.js';

/** Most keys that are known to be absent; the ones known longest go first. */
const maxAbsentKeys = 10_000;

/** Keys that were looked for and not found, for a while. */
export class AbsentKeys<K> {
  readonly #ttlMs: number;
  readonly #clock: Clock;
  /** Until when each counts, in order of that time. */
  readonly #untilMs = new Map<K, number>();

  /** @param ttlMs - How long a key counts as absent; 0 for not at all. */
  constructor(ttlMs: number, clock: Clock) {
    this.#ttlMs = ttlMs;
    this.#clock = clock;
  }

  get size(): number {
    return this.#untilMs.size;
  }

  has(key: K): boolean {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return false;
    if (untilMs > this.#clock.monotonicMs()) return true;
    this.#untilMs.delete(key);
    return false;
  }

  add(key: K): void {
    if (this.#ttlMs === 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.#untilMs.delete(key);
    for (const [oldest, untilMs] of this.#untilMs) {
      if (untilMs > nowMs && this.#untilMs.size < maxAbsentKeys) break;
      this.#untilMs.delete(oldest);
    }
    this.#untilMs.set(key, nowMs + this.#ttlMs);
  }

  delete(key: K): void {
    this.#untilMs.delete(key);
  }

  clear(): void {
    this.#untilMs.clear();
  }
}
