/** A key's change on its way to the store: a value, or a removal where there are no data. */
export interface CacheChange<K, V> {
  readonly key: K;
  /** The key as text, for messages. */
  readonly name: string;
  readonly path: string;
  readonly value: V | undefined;
  readonly data: Uint8Array | undefined;
  /** Wall-clock time from which the value counts as absent, or `Infinity`. */
  readonly expiresAtMs: number;
}

/** Told that something was stored, or why an attempt failed. */
export type CacheChangeWaiter = (error?: unknown) => void;

/** What a waiting change costs beyond its data: its records and the path. */
const overheadBytes = 200;

/** Counts what a change takes of the backlog's bytes. */
export function changeBytes({ path, data }: CacheChange<unknown, unknown>): number {
  return overheadBytes + 2 * path.length + (data?.byteLength ?? 0);
}

/** Work for the store, with those who wait for the outcome of the next attempt. */
export class Awaited {
  #waiters: CacheChangeWaiter[] = [];

  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  add(waiter: CacheChangeWaiter): void {
    this.#waiters.push(waiter);
  }

  /** Takes over those who wait for what will not be tried any more. */
  takeOver(other: Awaited): void {
    this.#waiters.push(...other.#waiters);
    other.#waiters = [];
  }

  settle(error?: unknown): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(error);
  }
}

/** A change that waits or is being written. While it waits, a later one of its key replaces it. */
export class PendingChange<K, V> extends Awaited {
  change: CacheChange<K, V>;
  bytes: number;

  constructor(change: CacheChange<K, V>, bytes: number) {
    super();
    this.change = change;
    this.bytes = bytes;
  }
}
