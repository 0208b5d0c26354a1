import type { Clock } from '@datawarehouse/sdk';

/** Nonces of one generation. */
const maxNonces = 200_000;

/**
 * Remembers nonces for at least a given time, in two generations: when the younger one is old
 * enough, it becomes the older one, and the older one is forgotten whole.
 */
export class NonceMemory {
  readonly #lifeMs: number;
  readonly #clock: Clock;
  #younger = new Set<string>();
  #older = new Set<string>();
  #youngerSinceMs: number;

  constructor(lifeMs: number, clock: Clock) {
    this.#lifeMs = lifeMs;
    this.#clock = clock;
    this.#youngerSinceMs = clock.monotonicMs();
  }

  /** `full` means that it could not be remembered, so it must not be accepted either. */
  add(nonce: string): 'new' | 'known' | 'full' {
    this.#turn();
    if (this.#younger.has(nonce) || this.#older.has(nonce)) return 'known';
    if (this.#younger.size >= maxNonces) return 'full';
    this.#younger.add(nonce);
    return 'new';
  }

  #turn(): void {
    const ageMs = this.#clock.monotonicMs() - this.#youngerSinceMs;
    if (ageMs < this.#lifeMs) return;
    this.#older = ageMs < 2 * this.#lifeMs ? this.#younger : new Set();
    this.#younger = new Set();
    this.#youngerSinceMs = this.#clock.monotonicMs();
  }
}
