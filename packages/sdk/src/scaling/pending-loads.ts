interface PendingLoad<V> {
  readonly result: Promise<V | undefined>;
  readonly abort: AbortController;
  waiting: number;
}

/** Loads under way: one a key, shared by all who ask for it. */
export class PendingLoads<K, V> {
  readonly #loader: (key: K, signal?: AbortSignal) => Promise<V | undefined>;
  readonly #keep: (key: K, value: V) => void;
  readonly #pending = new Map<K, PendingLoad<V>>();

  /** @param keep - Gets what was loaded, unless the key was forgotten meanwhile. */
  constructor(
    loader: (key: K, signal?: AbortSignal) => Promise<V | undefined>,
    keep: (key: K, value: V) => void,
  ) {
    this.#loader = loader;
    this.#keep = keep;
  }

  /** Joins the load of a key, or begins it. */
  async load(key: K, signal: AbortSignal | undefined): Promise<V | undefined> {
    const pending = this.#pending.get(key) ?? this.#begin(key);
    pending.waiting += 1;
    try {
      return await untilAborted(pending.result, signal);
    } finally {
      pending.waiting -= 1;
      if (pending.waiting === 0 && signal?.aborted === true) {
        this.#end(key, pending);
        pending.abort.abort(signal.reason);
      }
    }
  }

  /** Whether no load is under way. */
  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /** Makes the load of a key keep nothing; those who wait get what it brings. */
  forget(key: K): void {
    this.#pending.delete(key);
  }

  forgetAll(): void {
    this.#pending.clear();
  }

  #begin(key: K): PendingLoad<V> {
    const abort = new AbortController();
    const run = async (): Promise<V | undefined> => {
      try {
        const value = await this.#loader(key, abort.signal);
        if (this.#pending.get(key) === pending && value !== undefined) this.#keep(key, value);
        return value;
      } finally {
        this.#end(key, pending);
      }
    };
    // The loader begins in a later step, when `pending` is known to all.
    const pending: PendingLoad<V> = { result: Promise.resolve().then(run), abort, waiting: 0 };
    this.#pending.set(key, pending);
    return pending;
  }

  #end(key: K, pending: PendingLoad<V>): void {
    if (this.#pending.get(key) === pending) this.#pending.delete(key);
  }
}

/** Settles as `promise` does, or rejects with the reason of `signal`. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
