import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { Listeners } from '../concurrency/listeners.js';
import { scalingError } from '../errors/scaling-errors.js';
import { type Clock, systemClock } from '../plugin/clock.js';
import {
  type BackpressureState,
  type BackpressureStateChange,
  backpressureStates,
} from './backpressure.js';

/** How a {@link BackpressureGate} counts and decides. */
export interface BackpressureGateOptions {
  /** Named in state changes. */
  readonly subsystemName: string;
  /**
   * Most items inside, 0 for no limit.
   * @defaultValue 1000
   */
  readonly maxQueueDepth?: number;
  /**
   * Most bytes inside, 0 for no limit.
   * @defaultValue 0
   */
  readonly maxBytes?: number;
  /**
   * What {@link BackpressureGate.enter} does when full: waits, or rejects.
   * @defaultValue 'blockProducer'
   */
  readonly strategy?: 'blockProducer' | 'shedLoad';
  /**
   * Least time in a state before a lower one is entered, in milliseconds.
   * @defaultValue 1000
   */
  readonly dwellMs?: number;
  readonly clock?: Clock;
}

/** Options of one entry. */
export interface BackpressureEnterOptions {
  /** Size of the item. Default: 0. */
  readonly bytes?: number;
  /** Ends the wait; rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

/** Shares of the limit at which warning, critical and shedding begin. */
const thresholds: readonly number[] = [0, 0.7, 0.85, 0.95];
const hysteresis = 0.1;
/** Suggested to producers that are turned away, in milliseconds. */
const retryAfterMs = 1000;

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
  readonly refuse: (reason: Error) => void;
}

/**
 * Counts what is inside a queue, and decides whether more may enter.
 *
 * States rise at once at 70, 85 and 95 % of the limit; each is left only ten points lower and after
 * a dwell time. An item larger than the limit enters when nothing else is inside. Those who wait
 * enter in order of arrival.
 */
@SdkCompatibility('6.0.0')
export class BackpressureGate implements Disposable {
  readonly #subsystemName: string;
  readonly #strategy: 'blockProducer' | 'shedLoad';
  readonly #dwellMs: number;
  readonly #clock: Clock;
  readonly #changes = new Listeners<BackpressureStateChange>('onDidChangeState');
  readonly #waiters = new Set<Waiter>();
  #maxQueueDepth: number;
  #maxBytes: number;
  #depth = 0;
  #bytes = 0;
  #state: BackpressureState = 'normal';
  #enteredStateAtMs: number;
  #recheck: Disposable | undefined;
  #isClosed = false;

  constructor(options: BackpressureGateOptions) {
    this.#subsystemName = options.subsystemName;
    this.#strategy = options.strategy ?? 'blockProducer';
    this.#dwellMs = options.dwellMs ?? 1000;
    this.#clock = options.clock ?? systemClock;
    this.#maxQueueDepth = options.maxQueueDepth ?? 1000;
    this.#maxBytes = options.maxBytes ?? 0;
    this.#enteredStateAtMs = this.#clock.monotonicMs();
  }

  get state(): BackpressureState {
    return this.#state;
  }

  /** Items inside now. */
  get queueDepth(): number {
    return this.#depth;
  }

  /** Bytes inside now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Enters when there is room.
   *
   * @returns Dispose it to leave.
   * @throws {@link DwError} `DW_SCALING_OVERLOADED` (retryable) with `details.retryAfterMs`, under
   *   `shedLoad`; `DW_SCALING_CLOSED`, also when the gate is disposed meanwhile.
   */
  async enter(options: BackpressureEnterOptions = {}): Promise<Disposable> {
    const { bytes = 0, signal } = options;
    this.#assertOpen();
    signal?.throwIfAborted();
    if (this.#strategy === 'shedLoad') return this.tryEnter({ bytes });
    if (this.#waiters.size > 0 || !this.#hasRoom(bytes)) await this.#wait(bytes, signal);
    else this.#count(1, bytes);
    return this.#leaver(bytes);
  }

  /**
   * Enters at once, or not at all.
   *
   * @throws {@link DwError} `DW_SCALING_OVERLOADED` (retryable) with `details.retryAfterMs`;
   *   `DW_SCALING_CLOSED`.
   */
  tryEnter(options: { readonly bytes?: number } = {}): Disposable {
    const { bytes = 0 } = options;
    this.#assertOpen();
    if (this.#waiters.size > 0 || !this.#hasRoom(bytes)) {
      throw scalingError('DW_SCALING_OVERLOADED', {
        details: { subsystemName: this.#subsystemName, queueDepth: this.#depth, retryAfterMs },
      });
    }
    this.#count(1, bytes);
    return this.#leaver(bytes);
  }

  /** Changes limits at once; what is inside stays, and whoever fits now enters. */
  reconfigure(changes: { readonly maxQueueDepth?: number; readonly maxBytes?: number }): void {
    this.#maxQueueDepth = changes.maxQueueDepth ?? this.#maxQueueDepth;
    this.#maxBytes = changes.maxBytes ?? this.#maxBytes;
    this.#admitWaiters();
    this.#updateState();
  }

  /** Listens to state changes until disposed. */
  onDidChangeState(listener: (change: BackpressureStateChange) => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Turns away those who wait, and whoever comes later. Those inside may still leave. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#recheck?.[Symbol.dispose]();
    this.#recheck = undefined;
    for (const { refuse } of [...this.#waiters]) refuse(scalingError('DW_SCALING_CLOSED'));
  }

  #assertOpen(): void {
    if (this.#isClosed) throw scalingError('DW_SCALING_CLOSED');
  }

  #hasRoom(bytes: number): boolean {
    if (this.#depth === 0) return true;
    const hasDepth = this.#maxQueueDepth === 0 || this.#depth < this.#maxQueueDepth;
    return hasDepth && (this.#maxBytes === 0 || this.#bytes + bytes <= this.#maxBytes);
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiter.refuse(signal?.reason as Error);
        this.#admitWaiters();
      };
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        bytes,
        admit: () => {
          leave();
          resolve();
        },
        refuse: (reason) => {
          leave();
          reject(reason);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #leaver(bytes: number): Disposable {
    let isInside = true;
    return {
      [Symbol.dispose]: () => {
        if (!isInside) return;
        isInside = false;
        this.#count(-1, -bytes);
        this.#admitWaiters();
      },
    };
  }

  #admitWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!this.#hasRoom(waiter.bytes)) return;
      waiter.admit();
      this.#count(1, waiter.bytes);
    }
  }

  #count(items: number, bytes: number): void {
    this.#depth += items;
    this.#bytes += bytes;
    this.#updateState();
  }

  #load(): number {
    const depth = this.#maxQueueDepth === 0 ? 0 : this.#depth / this.#maxQueueDepth;
    const bytes = this.#maxBytes === 0 ? 0 : this.#bytes / this.#maxBytes;
    return Math.max(depth, bytes);
  }

  #updateState(): void {
    const load = this.#load();
    const rank = backpressureStates.indexOf(this.#state);
    const risen = thresholds.findLastIndex((threshold) => load >= threshold);
    if (risen > rank) {
      this.#enter(risen);
      return;
    }
    const fallen = thresholds.findLastIndex(
      (threshold, index) => index === 0 || load >= threshold - hysteresis,
    );
    if (fallen >= rank) return;
    const remainingMs = this.#enteredStateAtMs + this.#dwellMs - this.#clock.monotonicMs();
    if (remainingMs <= 0) this.#enter(fallen);
    else this.#recheckIn(remainingMs);
  }

  /** A queue that falls silent changes state too, once its dwell time is over. */
  #recheckIn(delayMs: number): void {
    if (this.#isClosed) return;
    this.#recheck ??= this.#clock.setTimeout(() => {
      this.#recheck = undefined;
      this.#updateState();
    }, delayMs);
  }

  #enter(rank: number): void {
    const previousState = this.#state;
    this.#state = backpressureStates[rank] ?? 'normal';
    this.#enteredStateAtMs = this.#clock.monotonicMs();
    this.#changes.emit({
      previousState,
      currentState: this.#state,
      subsystemName: this.#subsystemName,
      timestamp: this.#clock.now(),
    });
  }
}
