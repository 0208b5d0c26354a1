const double = new Float64Array(1);
const doubleWords = new Int32Array(double.buffer);

/**
 * Hash of a cache key, 32 bits; equal keys have equal hashes.
 *
 * Text and numbers hash by what they are, objects by which one they are.
 */
export class KeyHash {
  readonly #seed: number;
  readonly #objectIds = new WeakMap<object, number>();
  #objectCount = 0;

  /** @param seed - 32 bits that nobody can guess, so that nobody can choose keys that collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  of(key: unknown): number {
    if (typeof key === 'string') return this.#text(key);
    if (typeof key === 'number') return this.#number(key);
    if ((typeof key === 'object' && key !== null) || typeof key === 'function') {
      return mixed(this.#number(this.#idOf(key)) ^ 0x3c6ef372);
    }
    return this.#text(String(key));
  }

  #text(text: string): number {
    let hash = this.#seed ^ 0x2545f491;
    for (let index = 0; index < text.length; index += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    return mixed(hash ^ text.length);
  }

  #number(number: number): number {
    const low = number | 0;
    if (low === number) return mixed(low ^ this.#seed);
    double[0] = number;
    return mixed(mixed(doubleWords[0] as number) ^ (doubleWords[1] as number) ^ this.#seed);
  }

  #idOf(key: object): number {
    let id = this.#objectIds.get(key);
    if (id === undefined) {
      this.#objectCount += 1;
      id = this.#objectCount;
      this.#objectIds.set(key, id);
    }
    return id;
  }
}

/** Spreads each bit over all of them (the finalizer of MurmurHash3). */
export function mixed(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
