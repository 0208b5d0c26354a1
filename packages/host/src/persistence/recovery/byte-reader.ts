import { readVarint } from './snappy.js';

/** Reads the fields of LevelDB's records. After a malformed one it is at its end, and not sound. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #isSound = true;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isSound(): boolean {
    return this.#isSound;
  }

  get position(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    const [value, end] = readVarint(this.#bytes, this.#at);
    if (value === undefined) return this.#fail();
    this.#at = end;
    return value;
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      this.#fail();
      return new Uint8Array(0);
    }
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  lengthPrefixed(): Uint8Array {
    return this.bytes(this.varint());
  }

  #fail(): number {
    this.#isSound = false;
    this.#at = this.#bytes.length;
    return 0;
  }
}
