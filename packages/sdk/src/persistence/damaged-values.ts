import { DwError } from '../errors/dw-error.js';
import type {
  BackingStoreCallOptions,
  BackingStoreListOptions,
  IPersistentBackingStore,
} from './persistent-backing-store.js';

/** A stored value, or the place of one that the store calls damaged. */
export interface StoredValue {
  readonly path: string;
  /** `undefined` where it is damaged. */
  readonly data: Uint8Array | undefined;
}

/** Reads a value as a store does; a damaged one is there, but has no data. */
export async function readValue(
  store: IPersistentBackingStore,
  path: string,
  options?: BackingStoreCallOptions,
): Promise<StoredValue | undefined> {
  try {
    const data = await store.read(path, options);
    return data && { path, data };
  } catch (error) {
    if (!DwError.is(error, 'DW_STORE_CORRUPT')) throw error;
    return { path, data: undefined };
  }
}

/** Scans as a store does, but goes on past damaged values. */
export async function* scanValues(
  store: IPersistentBackingStore,
  prefix: string,
  options: BackingStoreListOptions = {},
): AsyncGenerator<StoredValue> {
  let { after, limit = Number.MAX_SAFE_INTEGER } = options;
  const rest = (): BackingStoreListOptions => ({
    ...options,
    limit,
    ...(after !== undefined && { after }),
  });
  while (limit > 0) {
    const damaged = yield* scanUntilDamage(store, prefix, rest(), (path) => {
      after = path;
      limit -= 1;
    });
    if (!damaged) return;
    let path: string | undefined;
    for await (const next of store.list(prefix, { ...rest(), limit: 1 })) path = next;
    if (path === undefined) return;
    const value = await readValue(store, path, options.signal && { signal: options.signal });
    after = path;
    limit -= 1;
    if (value !== undefined) yield value;
  }
}

async function* scanUntilDamage(
  store: IPersistentBackingStore,
  prefix: string,
  options: BackingStoreListOptions,
  note: (path: string) => void,
): AsyncGenerator<StoredValue, boolean> {
  try {
    for await (const entry of store.scan(prefix, options)) {
      note(entry.path);
      yield entry;
    }
    return false;
  } catch (error) {
    if (!DwError.is(error, 'DW_STORE_CORRUPT')) throw error;
    return true;
  }
}
