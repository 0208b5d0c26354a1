import { randomBytes } from 'node:crypto';

const digestBytes = 32;
const firstCapacity = 64;
/** Digests may come from another node: without a salt it could choose them to fall together. */
const salt = randomBytes(4).readUInt32LE();

/**
 * A set of SHA-256 digests that takes about 100 bytes each, outside the heap, where a `Set` of
 * text takes twice that, and makes the collector copy it again and again.
 */
export class ContentDigestSet {
  #slots = Buffer.alloc(firstCapacity * digestBytes);
  #capacity = firstCapacity;
  #size = 0;
  #hasZero = false;
  readonly #digest = Buffer.alloc(digestBytes);

  /** @returns Whether it was not there before. */
  add(hex: string): boolean {
    this.#digest.write(hex, 'hex');
    if (isEmpty(this.#digest, 0)) {
      const isNew = !this.#hasZero;
      this.#hasZero = true;
      return isNew;
    }
    if (this.#size * 2 >= this.#capacity) this.#grow();
    const at = this.#find(this.#digest, 0);
    if (!isEmpty(this.#slots, at)) return false;
    this.#digest.copy(this.#slots, at);
    this.#size += 1;
    return true;
  }

  has(hex: string): boolean {
    this.#digest.write(hex, 'hex');
    if (isEmpty(this.#digest, 0)) return this.#hasZero;
    return !isEmpty(this.#slots, this.#find(this.#digest, 0));
  }

  /** Where a digest is, or would go. */
  #find(from: Buffer, start: number): number {
    const mask = this.#capacity - 1;
    let mixed = salt;
    for (let word = 0; word < digestBytes; word += 4) {
      mixed = Math.imul(mixed ^ from.readUInt32LE(start + word), 0x9e3779b1);
      mixed ^= mixed >>> 15;
    }
    for (let slot = mixed & mask; ; slot = (slot + 1) & mask) {
      const at = slot * digestBytes;
      if (isEmpty(this.#slots, at)) return at;
      if (this.#slots.compare(from, start, start + digestBytes, at, at + digestBytes) === 0) {
        return at;
      }
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#capacity *= 2;
    this.#slots = Buffer.alloc(this.#capacity * digestBytes);
    for (let at = 0; at < before.length; at += digestBytes) {
      if (!isEmpty(before, at)) {
        before.copy(this.#slots, this.#find(before, at), at, at + digestBytes);
      }
    }
  }
}

/** Whether a place holds nothing: zeros, which the set keeps apart. */
function isEmpty(slots: Buffer, at: number): boolean {
  for (let word = at; word < at + digestBytes; word += 4) {
    if (slots.readUInt32LE(word) !== 0) return false;
  }
  return true;
}
