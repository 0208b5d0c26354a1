import { scalingError } from '../../errors/scaling-errors.js';

/** How the values of a cache become bytes, and come back. */
export interface CacheCodecOptions<V> {
  /**
   * Turns a value into bytes or text. Give {@link deserializer} too.
   *
   * Default: bytes (`Uint8Array`) and text as they are; numbers, booleans, arrays and plain objects
   * as JSON, which forgets what is inside them but JSON does not know. Everything else is refused.
   */
  readonly serializer?: (value: V) => Uint8Array | string;
  /** Turns what the serializer made back into a value; gets text as UTF-8. */
  readonly deserializer?: (data: Uint8Array) => V;
}

/** A value from the store. */
export interface DecodedValue<V> {
  readonly value: V;
  /** Wall-clock time from which it counts as absent, or `Infinity`. */
  readonly expiresAtMs: number;
}

/**
 * The first byte of a stored value: version 1 in the upper half, then whether eight bytes of expiry
 * follow, then what the rest is.
 */
const version = 0x10;
const expiryFlag = 0x08;
const kinds = { bytes: 0, text: 1, utf16: 2, json: 3, custom: 4 } as const;
const [lengthWithout, lengthWith] = [1, 9];

/** Frames values with their expiry. */
export class CacheValueCodec<V> {
  readonly #options: CacheCodecOptions<V>;

  constructor(options: CacheCodecOptions<V> = {}) {
    if ((options.serializer === undefined) !== (options.deserializer === undefined)) {
      throw new TypeError('serializer and deserializer go together');
    }
    this.#options = options;
  }

  /** @throws {@link DwError} `DW_CACHE_ENCODE_FAILED`. */
  encode(value: V, expiresAtMs: number): Uint8Array {
    const [kind, content] = this.#serialize(value);
    const hasExpiry = expiresAtMs !== Number.POSITIVE_INFINITY;
    const start = hasExpiry ? lengthWith : lengthWithout;
    const frame = Buffer.allocUnsafe(start + content.byteLength);
    frame[0] = version | kind | (hasExpiry ? expiryFlag : 0);
    if (hasExpiry) frame.writeDoubleBE(expiresAtMs, 1);
    frame.set(content, start);
    return frame;
  }

  /** @throws {@link DwError} `DW_CACHE_DECODE_FAILED`. */
  decode(data: Uint8Array, path: string): DecodedValue<V> {
    try {
      const frame = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const first = frame.at(0) ?? 0;
      if ((first & 0xf0) !== version) throw new TypeError('unknown version');
      const hasExpiry = (first & expiryFlag) !== 0;
      const expiresAtMs = hasExpiry ? frame.readDoubleBE(1) : Number.POSITIVE_INFINITY;
      const content = frame.subarray(hasExpiry ? lengthWith : lengthWithout);
      return { value: this.#deserialize(first & 0x07, content), expiresAtMs };
    } catch (cause) {
      throw scalingError('DW_CACHE_DECODE_FAILED', { cause, details: { path } });
    }
  }

  #serialize(value: V): readonly [kind: number, content: Uint8Array] {
    try {
      const { serializer } = this.#options;
      if (serializer === undefined) return serializePlain(value);
      const content = serializer(value);
      return [kinds.custom, typeof content === 'string' ? Buffer.from(content) : content];
    } catch (cause) {
      throw scalingError('DW_CACHE_ENCODE_FAILED', { cause });
    }
  }

  #deserialize(kind: number, content: Buffer): V {
    const { deserializer } = this.#options;
    const value = deserializer ? deserializer(content) : (deserializePlain(kind, content) as V);
    if (value === undefined || value === null) throw new TypeError('there is no value in it');
    return value;
  }
}

function serializePlain(value: unknown): readonly [kind: number, content: Uint8Array] {
  if (typeof value === 'string') {
    // UTF-8 has no lone surrogates.
    if (value.isWellFormed()) return [kinds.text, Buffer.from(value)];
    return [kinds.utf16, Buffer.from(value, 'utf16le')];
  }
  if (value instanceof Uint8Array) return [kinds.bytes, value];
  if (!isPlain(value)) throw new TypeError('this kind of value needs a serializer');
  return [kinds.json, Buffer.from(JSON.stringify(value))];
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'boolean' || Number.isFinite(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function deserializePlain(kind: number, content: Buffer): unknown {
  if (kind === kinds.bytes) return new Uint8Array(content);
  if (kind === kinds.text) return content.toString();
  if (kind === kinds.utf16) return content.toString('utf16le');
  if (kind === kinds.json) return JSON.parse(content.toString());
  throw new TypeError('a value of this kind needs a deserializer');
}
