import { LinkedAbort } from '../../concurrency/linked-abort.js';
import type { Clock } from '../../plugin/clock.js';
import { BackpressureGate } from '../backpressure-gate.js';
import {
  Awaited,
  type CacheChange,
  type CacheChangeWaiter,
  changeBytes,
  PendingChange,
} from './cache-change.js';

const maxBatchBytes = 4 * 1024 * 1024;

/** How far a backlog may grow. */
export interface CacheBacklogOptions {
  readonly maxChanges: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Called when there is something to write, or somebody waits for it. */
  readonly onWork: () => void;
}

/** What a backlog holds and has seen. */
export interface CacheWriteCounts {
  /** Changes that wait or are being written. */
  readonly pendingWrites: number;
  readonly pendingBytes: number;
  /** Changes taken in: stored, superseded and pending ones together. */
  readonly acceptedWrites: number;
  readonly storedWrites: number;
  /** Changes that a later one of their key, or `clear()`, made needless before they were stored. */
  readonly supersededWrites: number;
  /** Attempts that failed, counted once a change. */
  readonly failedWrites: number;
}

/** What is known of a key while everything is being removed. */
const removed = Object.freeze({ value: undefined, expiresAtMs: Number.POSITIVE_INFINITY });

/**
 * Changes that the store does not have yet. Bounded; of each key at most one that is being written
 * and the latest one after it. No change overtakes another of its key.
 */
export class CacheBacklog<K, V> {
  readonly #gate: BackpressureGate;
  readonly #onWork: () => void;
  readonly #waiting = new Map<K, PendingChange<K, V>>();
  readonly #writing = new Map<K, PendingChange<K, V>>();
  /** Those of `#waiting` whose outcome somebody waits for. They are written first. */
  readonly #awaited = new Set<PendingChange<K, V>>();
  /** How many changes of a key wait for room. */
  readonly #outside = new Map<K, number>();
  readonly #waits = new Set<LinkedAbort>();
  /** There while everything in the store is to be removed, before what waits is written. */
  #clearing: Awaited | undefined;
  #isDropped = false;
  #accepted = 0;
  #stored = 0;
  #superseded = 0;
  #failed = 0;

  /** @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`. */
  constructor({ maxChanges, maxBytes, clock, onWork }: CacheBacklogOptions) {
    const subsystemName = 'cache-backlog';
    this.#gate = new BackpressureGate({
      subsystemName,
      maxQueueDepth: maxChanges,
      maxBytes,
      clock,
    });
    this.#onWork = onWork;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#clearing === undefined;
  }

  /** Whether somebody waits for what is not being written yet. */
  get isAwaited(): boolean {
    return this.#awaited.size > 0 || this.#clearing?.isAwaited === true;
  }

  /** The removal of everything, where that comes next. */
  get clearing(): Awaited | undefined {
    return this.#clearing;
  }

  /** The newest change of a key; `undefined` where the store has it. */
  find(key: K): Pick<CacheChange<K, V>, 'value' | 'expiresAtMs'> | undefined {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting.change;
    return this.#clearing === undefined ? this.#writing.get(key)?.change : removed;
  }

  /** Takes a change in where there is room for it now. */
  tryAdd(change: CacheChange<K, V>): boolean {
    if (this.#outside.has(change.key)) return false;
    const bytes = changeBytes(change);
    const waiting = this.#waiting.get(change.key);
    const hasRoom =
      waiting === undefined
        ? this.#gate.takePlace(bytes)
        : this.#gate.resizePlace(waiting.bytes, bytes);
    if (hasRoom) this.#put(change, bytes);
    return hasRoom;
  }

  /**
   * Takes a change in when there is room for it.
   *
   * @param onEnter - Called in that moment; not where everything was removed meanwhile.
   * @throws `signal.reason` when aborted; nothing has changed then.
   */
  async add(
    change: CacheChange<K, V>,
    onEnter: () => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.tryAdd(change)) {
      onEnter();
      return;
    }
    const { key } = change;
    const bytes = changeBytes(change);
    this.#outside.set(key, (this.#outside.get(key) ?? 0) + 1);
    using wait = new LinkedAbort(signal);
    this.#waits.add(wait);
    try {
      await this.#gate.waitForPlace({
        bytes,
        signal: wait.signal,
        onEnter: () => {
          this.#leaveOutside(key);
          const replacedBytes = this.#waiting.get(key)?.bytes;
          this.#put(change, bytes);
          onEnter();
          // Last, since it lets others in.
          if (replacedBytes !== undefined) this.#gate.freePlace(replacedBytes);
        },
      });
    } catch (error) {
      this.#leaveOutside(key);
      if (error !== removed) throw error;
    } finally {
      this.#waits.delete(wait);
    }
  }

  /** Has somebody told of the next attempt to store what is newest of a key. */
  await(key: K, waiter: CacheChangeWaiter): void {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) this.#awaited.add(waiting);
    const work = waiting ?? this.#clearing ?? this.#writing.get(key);
    if (work === undefined) waiter();
    else work.add(waiter);
    this.#onWork();
  }

  /** Has somebody told of the next attempt of everything that is here. */
  awaitAll(waiterOf: (name: string) => CacheChangeWaiter): void {
    this.#clearing?.add(waiterOf('*'));
    for (const pending of this.#waiting.values()) this.#awaited.add(pending);
    for (const pending of [...this.#writing.values(), ...this.#waiting.values()]) {
      pending.add(waiterOf(pending.change.name));
    }
    this.#onWork();
  }

  /** Forgets all that waits, and has everything in the store removed. */
  clear(): void {
    const dropped = [...this.#waiting.values()];
    this.#clearing ??= new Awaited();
    this.#waiting.clear();
    this.#awaited.clear();
    this.#superseded += dropped.length;
    for (const pending of dropped) this.#clearing.takeOver(pending);
    this.refuse(removed);
    for (const { bytes } of dropped) this.#gate.freePlace(bytes);
    this.#onWork();
  }

  /** Turns those away who wait for room. */
  refuse(reason: unknown): void {
    for (const wait of [...this.#waits]) wait.abort(reason);
  }

  /** Takes the changes to be written next; tell their outcome before the next call. */
  takeBatch(maxChanges: number): readonly PendingChange<K, V>[] {
    let bytes = 0;
    for (const changes of [this.#awaited, this.#waiting.values()]) {
      for (const pending of changes) {
        if (this.#writing.size >= maxChanges || bytes >= maxBatchBytes) break;
        bytes += pending.bytes;
        this.#awaited.delete(pending);
        this.#waiting.delete(pending.change.key);
        this.#writing.set(pending.change.key, pending);
      }
    }
    return [...this.#writing.values()];
  }

  /** Lets go of changes that the store has. */
  stored(changes: readonly PendingChange<K, V>[]): void {
    this.#stored += changes.length;
    for (const pending of changes) this.#writing.delete(pending.change.key);
    for (const pending of changes) pending.settle();
    for (const { bytes } of changes) this.#gate.freePlace(bytes);
  }

  /** Keeps changes for another attempt, behind the others, unless they are needless by now. */
  failed(changes: readonly PendingChange<K, V>[], error: unknown): void {
    this.#failed += changes.length;
    const needless = changes.filter(
      ({ change }) =>
        this.#clearing !== undefined || this.#isDropped || this.#waiting.has(change.key),
    );
    this.#superseded += needless.length;
    for (const pending of changes) {
      const { key } = pending.change;
      this.#writing.delete(key);
      if (!needless.includes(pending)) this.#waiting.set(key, pending);
    }
    for (const pending of changes) pending.settle(error);
    for (const { bytes } of needless) this.#gate.freePlace(bytes);
  }

  /** Everything in the store was removed. */
  cleared(): void {
    const clearing = this.#clearing;
    this.#clearing = undefined;
    clearing?.settle();
  }

  /** Gives up all that waits, and lets nothing in any more. */
  drop(): void {
    this.#isDropped = true;
    this.#waiting.clear();
    this.#awaited.clear();
    this.#clearing = undefined;
    this.#gate[Symbol.dispose]();
  }

  counts(): CacheWriteCounts {
    return {
      pendingWrites: this.#gate.queueDepth,
      pendingBytes: this.#gate.bytes,
      acceptedWrites: this.#accepted,
      storedWrites: this.#stored,
      supersededWrites: this.#superseded,
      failedWrites: this.#failed,
    };
  }

  #put(change: CacheChange<K, V>, bytes: number): void {
    this.#accepted += 1;
    const waiting = this.#waiting.get(change.key);
    if (waiting === undefined) {
      this.#waiting.set(change.key, new PendingChange(change, bytes));
    } else {
      this.#superseded += 1;
      waiting.change = change;
      waiting.bytes = bytes;
    }
    this.#onWork();
  }

  #leaveOutside(key: K): void {
    const count = this.#outside.get(key) ?? 0;
    if (count > 1) this.#outside.set(key, count - 1);
    else this.#outside.delete(key);
  }
}
