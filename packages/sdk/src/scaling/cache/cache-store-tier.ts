import { scalingError } from '../../errors/scaling-errors.js';
import type { IPersistentBackingStore } from '../../persistence/persistent-backing-store.js';
import { assertStorePath, escapeSegment } from '../../persistence/store-path.js';
import type { Clock } from '../../plugin/clock.js';
import type { CacheBackingOptions } from './cache-backing-options.js';
import type { CacheChange } from './cache-change.js';
import { CacheStoreWriter } from './cache-store-writer.js';
import { CacheValueCodec, type DecodedValue } from './cache-value-codec.js';
import { CacheWriteQueue } from './cache-write-queue.js';

const defaultMaxPendingWrites = 10_000;
const defaultMaxPendingBytes = 16 * 1024 * 1024;

/** The store of a cache: paths and bytes of its entries, and the queue that writes them. */
export class CacheStoreTier<K, V> {
  readonly queue: CacheWriteQueue<K, V>;
  readonly #store: IPersistentBackingStore;
  readonly #codec: CacheValueCodec<V>;
  readonly #prefix: string;
  readonly #keyToString: (key: K) => string;
  #decodeFailures = 0;

  /**
   * @throws {@link DwError} `DW_STORE_INVALID_PATH`, `DW_SCALING_INVALID_LIMITS`; a TypeError where
   *   options contradict each other.
   */
  constructor(store: IPersistentBackingStore, options: CacheBackingOptions<K, V>, clock: Clock) {
    const { durability } = options;
    this.#store = store;
    this.#codec = new CacheValueCodec(options);
    this.#prefix = checkedPrefix(options.backingStorePath);
    this.#keyToString = options.keyToString ?? plainKeyToString;
    const writeOptions = { clock, ...(durability !== undefined && { durability }) };
    this.queue = new CacheWriteQueue(new CacheStoreWriter(store, this.#prefix, writeOptions), {
      maxChanges: checkedLimit(
        'maxPendingWrites',
        options.maxPendingWrites,
        defaultMaxPendingWrites,
      ),
      maxBytes: checkedLimit('maxPendingBytes', options.maxPendingBytes, defaultMaxPendingBytes),
      clock,
    });
  }

  /** Stored values that could not be read back, so far. */
  get decodeFailures(): number {
    return this.#decodeFailures;
  }

  /** @throws {@link DwError} `DW_CACHE_ENCODE_FAILED`, `DW_STORE_INVALID_PATH`. */
  write(key: K, value: V, expiresAtMs: number): CacheChange<K, V> {
    const name = this.#keyToString(key);
    const data = this.#codec.encode(value, expiresAtMs);
    return { key, name, path: this.#path(name), value, data, expiresAtMs };
  }

  /** @throws {@link DwError} `DW_STORE_INVALID_PATH`. */
  removal(key: K): CacheChange<K, V> {
    const name = this.#keyToString(key);
    const expiresAtMs = Number.POSITIVE_INFINITY;
    return { key, name, path: this.#path(name), value: undefined, data: undefined, expiresAtMs };
  }

  /**
   * Reads what is stored, expired or not.
   *
   * @throws {@link DwError} `DW_CACHE_DECODE_FAILED`; what the store rejected with.
   */
  async read(key: K, signal: AbortSignal): Promise<DecodedValue<V> | undefined> {
    const path = this.#path(this.#keyToString(key));
    const data = await this.#store.read(path, { signal });
    if (data === undefined) return undefined;
    try {
      return this.#codec.decode(data, path);
    } catch (error) {
      this.#decodeFailures += 1;
      throw error;
    }
  }

  #path(name: string): string {
    const path = this.#prefix + escapeSegment(name);
    // Here rather than in the store, which would refuse it each time anew.
    assertStorePath(path);
    return path;
  }
}

function checkedPrefix(path: string | undefined): string {
  if (path === undefined) throw new TypeError('A backing store needs a backingStorePath');
  assertStorePath(path);
  const prefix = path.endsWith('/') ? path : `${path}/`;
  // Everything below it is removed by clear().
  if (!/^dw:\/\/[^/]/.test(prefix)) throw new TypeError('A backingStorePath names a folder');
  return prefix;
}

function checkedLimit(name: string, limit: number | undefined, byDefault: number): number {
  const value = limit ?? byDefault;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw scalingError('DW_SCALING_INVALID_LIMITS', { details: { name, value } });
}

function plainKeyToString(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint') return String(key);
  throw new TypeError('Keys that are no text or number need keyToString');
}
