import { scalingError } from '../errors/scaling-errors.js';
import type { Clock } from '../plugin/clock.js';
import type { BackpressureContext, BackpressureState } from './backpressure.js';
import { BackpressureLevels } from './backpressure-levels.js';
import { BackpressureMeter } from './backpressure-meter.js';
import type { BackpressureSettings } from './backpressure-options.js';
import { BackpressureWaiters } from './backpressure-waiters.js';

/** How a producer waits for a place. */
export interface PlaceOptions {
  readonly bytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onEnter?: (() => void) | undefined;
}

/** Suggested to producers that are turned away while no rate is known, in milliseconds. */
const defaultRetryAfterMs = 1000;
const maxRetryAfterMs = 60_000;

/** The places of a gate: who is inside, who waits, and how fast they come and go. */
export class BackpressurePlaces {
  readonly #subsystemName: string;
  readonly #clock: Clock;
  readonly #waiters: BackpressureWaiters;
  readonly #levels: BackpressureLevels;
  readonly #meter = new BackpressureMeter();
  #settings: BackpressureSettings;
  #maxDepth = Number.POSITIVE_INFINITY;
  #maxBytes = Number.POSITIVE_INFINITY;
  /** Depth below which there is room for whatever has no bytes. */
  #openBelow = 0;
  /** Depths between which the state stays as it is. */
  #calmFrom = 0;
  #calmBelow = 0;
  #depth = 0;
  #bytes = 0;
  #isClosed = false;

  constructor(options: {
    readonly subsystemName: string;
    readonly clock: Clock;
    readonly settings: BackpressureSettings;
    readonly onChange: (previous: BackpressureState, current: BackpressureState) => void;
  }) {
    this.#subsystemName = options.subsystemName;
    this.#clock = options.clock;
    this.#waiters = new BackpressureWaiters(options.clock);
    this.#levels = new BackpressureLevels({
      clock: options.clock,
      load: () => this.#load(),
      onChange: (previous, current) => {
        this.#keepShortcuts();
        options.onChange(previous, current);
      },
    });
    this.#settings = options.settings;
    this.#apply(options.settings);
  }

  get depth(): number {
    return this.#depth;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get waitingCount(): number {
    return this.#waiters.size;
  }

  get state(): BackpressureState {
    return this.#levels.state;
  }

  /** Whether the state asks for load to be shed. */
  get isShedding(): boolean {
    return this.#levels.isShedding;
  }

  /** @throws {@link DwError} `DW_SCALING_CLOSED`; a TypeError where bytes are not a size. */
  assertOpen(bytes: number): void {
    if (this.#isClosed) throw scalingError('DW_SCALING_CLOSED');
    if (!(bytes >= 0)) throw new TypeError(`bytes must be 0 or more, not ${bytes}`);
  }

  /** Whether there is no room, or others wait for it already. */
  isFull(bytes: number): boolean {
    return this.#waiters.size > 0 || !this.#hasRoom(bytes);
  }

  /** Whether there would be room if so much were gone. */
  wouldFit(bytes: number, gone: { readonly items: number; readonly bytes: number }): boolean {
    if (this.#waiters.size > 0) return false;
    return this.#fits(bytes, this.#depth - gone.items, this.#bytes - gone.bytes);
  }

  /** Takes a place. Look at {@link isFull} first. `atMs` is given where waits are measured. */
  take(bytes: number, atMs?: number): void {
    if (this.#depth === 0) this.#meter.begin(atMs);
    this.#count(1, bytes);
  }

  /** Takes a place where there is room. */
  tryTake(bytes: number): boolean {
    if (bytes !== 0 || this.#depth >= this.#openBelow) {
      this.assertOpen(bytes);
      if (this.isFull(bytes)) return false;
    }
    this.take(bytes);
    return true;
  }

  /** Takes places of no bytes where there is room for all of them. */
  tryTakeSome(count: number): boolean {
    if (this.#depth + count > this.#openBelow) {
      this.assertOpen(0);
      if (this.#waiters.size > 0 || this.#depth + count > this.#maxDepth) return false;
      if (this.#bytes > this.#maxBytes) return false;
    }
    if (this.#depth === 0) this.#meter.begin(undefined);
    this.#count(count, 0);
    return true;
  }

  /** Changes the size of an item inside. One that is alone may grow beyond the limit. */
  tryResize(fromBytes: number, toBytes: number): boolean {
    this.assertOpen(toBytes);
    const grownBytes = toBytes - fromBytes;
    if (grownBytes > 0 && this.#depth > 1) {
      if (this.#waiters.size > 0 || this.#bytes + grownBytes > this.#maxBytes) return false;
    }
    this.#count(0, grownBytes);
    if (grownBytes < 0 && this.#waiters.size > 0) this.#admitWaiters();
    return true;
  }

  /** Waits for a place in order of arrival. */
  async wait(options: PlaceOptions): Promise<void> {
    const { bytes = 0, signal, timeoutMs, onEnter } = options;
    if (this.#waiters.size >= this.#settings.maxWaitingProducers) throw this.overloaded(bytes);
    const timeoutError = (): Error =>
      this.overloaded(bytes, `There was no room in the queue within ${timeoutMs ?? 0} ms`);
    this.#openBelow = 0;
    await this.#waiters.wait({ bytes, signal, timeoutMs, onEnter, timeoutError }, () => {
      this.#admitWaiters();
    });
  }

  /** Gives back places of no bytes. */
  freeSome(count: number): void {
    this.#meter.count(0, count);
    this.#count(-count, 0);
    if (this.#waiters.size > 0) this.#admitWaiters();
  }

  /** Gives a place back. `waitedMs` is measured where it is given. */
  free(bytes: number, waitedMs?: number): void {
    this.#meter.count(bytes);
    if (waitedMs !== undefined) this.#meter.sample(this.#clock.monotonicMs(), waitedMs);
    this.#count(-1, -bytes);
    if (this.#waiters.size > 0) this.#admitWaiters();
  }

  /** Takes back the place of an item that was dropped. */
  discard(bytes: number): void {
    this.#count(-1, -bytes);
  }

  context(): BackpressureContext {
    const { maxQueueDepth, maxBytes } = this.#settings;
    const depthLoad = this.#depth / this.#maxDepth;
    const bytesLoad = this.#bytes / this.#maxBytes;
    const isOfBytes = maxBytes > 0 && (maxQueueDepth === 0 || bytesLoad > depthLoad);
    return Object.freeze({
      currentLoad: Math.max(depthLoad, bytesLoad),
      maxCapacity: isOfBytes ? maxBytes : maxQueueDepth,
      queueDepth: this.#depth,
      latencyP99: this.#meter.latencyP99(this.#clock.monotonicMs(), this.#depth === 0),
    });
  }

  /** Which limit keeps an item of that size out. */
  reachedLimit(): 'maxQueueDepth' | 'maxBytes' {
    return this.#depth >= this.#maxDepth ? 'maxQueueDepth' : 'maxBytes';
  }

  /** The error for a producer that is turned away. */
  overloaded(bytes: number, message?: string): Error {
    return scalingError('DW_SCALING_OVERLOADED', {
      ...(message === undefined ? {} : { message }),
      details: {
        subsystemName: this.#subsystemName,
        state: this.state,
        queueDepth: this.#depth,
        retryAfterMs: this.#retryAfterMs(bytes),
      },
    });
  }

  reconfigure(settings: BackpressureSettings): void {
    this.#apply(settings);
    this.#admitWaiters();
    this.#levels.update();
  }

  close(): void {
    this.#isClosed = true;
    this.#openBelow = 0;
    this.#levels.end();
    this.#waiters.refuseAll();
  }

  #apply(settings: BackpressureSettings): void {
    this.#settings = settings;
    this.#maxDepth = settings.maxQueueDepth || Number.POSITIVE_INFINITY;
    this.#maxBytes = settings.maxBytes || Number.POSITIVE_INFINITY;
    this.#levels.configure(settings);
    this.#keepShortcuts();
  }

  /** Keeps what most calls are decided by, since some queues take millions of items a second. */
  #keepShortcuts(): void {
    const areBytesFree = this.#maxBytes === Number.POSITIVE_INFINITY;
    const isOpen = areBytesFree && !this.#isClosed && this.#waiters.size === 0;
    this.#openBelow = isOpen ? this.#maxDepth : 0;
    this.#calmFrom = this.#levels.calmFrom * this.#maxDepth;
    this.#calmBelow = areBytesFree ? this.#levels.calmBelow * this.#maxDepth : 0;
  }

  #hasRoom(bytes: number): boolean {
    return this.#fits(bytes, this.#depth, this.#bytes);
  }

  #fits(bytes: number, depth: number, inside: number): boolean {
    return depth === 0 || (depth < this.#maxDepth && inside + bytes <= this.#maxBytes);
  }

  #admitWaiters(): void {
    this.#waiters.admit(
      (bytes) => this.#hasRoom(bytes),
      (bytes) => {
        this.take(bytes);
      },
    );
    this.#keepShortcuts();
  }

  #count(items: number, bytes: number): void {
    this.#depth += items;
    this.#bytes += bytes;
    // Next to a threshold rounding may differ: there the load decides.
    if (this.#depth + 1 < this.#calmBelow && this.#depth - 1 > this.#calmFrom) return;
    this.#levels.update();
  }

  #load(): number {
    return Math.max(this.#depth / this.#maxDepth, this.#bytes / this.#maxBytes);
  }

  /** Time until there should be room, at the rate at which items have been leaving. */
  #retryAfterMs(bytes: number): number {
    const { strategy, thresholds } = this.#settings;
    const { sheddingRatio, hysteresisRatio } = thresholds;
    // Whoever sheds takes work again only below the hysteresis.
    const ratio = strategy === 'shedLoad' ? sheddingRatio - hysteresisRatio : 1;
    const items = Math.max(1, this.#depth + this.#waiters.size + 1 - this.#maxDepth * ratio);
    const surplusBytes = Math.max(0, this.#bytes + bytes - this.#maxBytes * ratio);
    const timeMs = this.#meter.timeToLeaveMs(items, surplusBytes, this.#clock.monotonicMs());
    return Math.min(maxRetryAfterMs, Math.max(1, Math.ceil(timeMs ?? defaultRetryAfterMs)));
  }
}
