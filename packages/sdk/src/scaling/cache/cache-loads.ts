import { untilAborted } from './until-aborted.js';

/** What the work of a load is told. */
export interface CacheLoad {
  /** Aborted when nobody waits any more, or when the key was set or removed meanwhile. */
  readonly signal: AbortSignal;
  /** Whether what is loaded still counts. */
  readonly isCurrent: () => boolean;
}

interface PendingLoad<V> {
  readonly result: Promise<V | undefined>;
  readonly resolve: (value: V | undefined) => void;
  readonly reject: (error: unknown) => void;
  readonly abort: AbortController;
  waiting: number;
}

/** Loads under way: one a key, shared by all who ask for it. */
export class CacheLoads<K, V> {
  readonly #fetch: (key: K, load: CacheLoad) => Promise<V | undefined>;
  readonly #pending = new Map<K, PendingLoad<V>>();
  #begun = 0;

  constructor(fetch: (key: K, load: CacheLoad) => Promise<V | undefined>) {
    this.#fetch = fetch;
  }

  /** Loads under way. */
  get size(): number {
    return this.#pending.size;
  }

  /** Loads begun so far. */
  get begun(): number {
    return this.#begun;
  }

  /** Joins the load of a key, or begins it. An abort ends the wait; the last one ends the load. */
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

  /** Ends the load of a key that was set or removed: whoever waits gets that value. */
  settle(key: K, value: V | undefined): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    pending.resolve(value);
    pending.abort.abort(superseded());
  }

  /** Ends all loads, since every key was removed. */
  settleAll(): void {
    for (const key of [...this.#pending.keys()]) this.settle(key, undefined);
  }

  /** Ends all loads with an error. */
  refuseAll(error: Error): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of all) {
      pending.reject(error);
      pending.abort.abort(error);
    }
  }

  #begin(key: K): PendingLoad<V> {
    let resolve: PendingLoad<V>['resolve'] = () => undefined;
    let reject: PendingLoad<V>['reject'] = () => undefined;
    const result = new Promise<V | undefined>((...settle) => {
      [resolve, reject] = settle;
    });
    // Where nobody waits any more, a failure is nobody's.
    result.catch(() => undefined);
    const pending = { result, resolve, reject, abort: new AbortController(), waiting: 0 };
    this.#pending.set(key, pending);
    this.#begun += 1;
    void this.#run(key, pending);
    return pending;
  }

  async #run(key: K, pending: PendingLoad<V>): Promise<void> {
    const isCurrent = (): boolean => this.#pending.get(key) === pending;
    try {
      const value = await this.#fetch(key, { signal: pending.abort.signal, isCurrent });
      pending.resolve(value);
    } catch (error) {
      pending.reject(error);
    } finally {
      this.#end(key, pending);
    }
  }

  #end(key: K, pending: PendingLoad<V>): void {
    if (this.#pending.get(key) === pending) this.#pending.delete(key);
  }
}

function superseded(): DOMException {
  return new DOMException('The key was set or removed meanwhile', 'AbortError');
}
