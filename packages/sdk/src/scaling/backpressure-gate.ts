import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { Listeners } from '../concurrency/listeners.js';
import { type Clock, systemClock } from '../plugin/clock.js';
import type {
  BackpressureChoice,
  BackpressureContext,
  BackpressureDrop,
  BackpressureEntry,
  BackpressureState,
  BackpressureStateChange,
  BackpressureTombstone,
} from './backpressure.js';
import { AdaptiveChoice } from './backpressure-adaptive.js';
import { BackpressureDrops } from './backpressure-drops.js';
import { CountedEntry } from './backpressure-entry.js';
import {
  type BackpressureChanges,
  type BackpressureGateOptions,
  type BackpressureSettings,
  resolveBackpressure,
} from './backpressure-options.js';
import { BackpressurePlaces } from './backpressure-places.js';
import {
  type Admission,
  decideAdmission,
  type PlainStrategy,
  qualityRatioOf,
} from './backpressure-strategies.js';

/** An item that asks to enter. */
export interface BackpressureItem {
  /** Size of the item. Default: 0. */
  readonly bytes?: number;
  /** Allows `dropOldest` to drop the item later; the id goes into its tombstone. */
  readonly droppable?: { readonly id: string };
}

/** Options of one entry. */
export interface BackpressureEnterOptions extends BackpressureItem {
  /** Ends the wait; rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
  /** Deadline of the wait in milliseconds; rejects with `DW_SCALING_OVERLOADED`. Default: none. */
  readonly timeoutMs?: number;
}

/** Options of one wait for a place. */
export interface BackpressureWaitOptions extends Omit<BackpressureEnterOptions, 'droppable'> {
  /** Called in the moment of admission, before anybody else can enter: keeps a queue in order. */
  readonly onEnter?: () => void;
}

/**
 * Counts what is inside a queue, and decides whether more may enter.
 *
 * States rise at once at 70, 85 and 95 % of the limit; each is left only ten points lower and after
 * a dwell time, and entered again only a dwell time later. Nothing enters beyond a limit, but an
 * item larger than the limit enters when nothing else is inside. Those who wait enter in order of
 * arrival.
 */
@SdkCompatibility('6.0.0')
export class BackpressureGate implements Disposable {
  readonly #subsystemName: string;
  readonly #clock: Clock;
  readonly #changes = new Listeners<BackpressureStateChange>('onDidChangeState');
  readonly #choices = new Listeners<BackpressureChoice>('onDidChooseStrategy');
  readonly #dropped = new Listeners<BackpressureDrop>('onDidDrop');
  readonly #drops = new BackpressureDrops();
  readonly #places: BackpressurePlaces;
  readonly #adaptive: AdaptiveChoice;
  #settings: BackpressureSettings;

  /** @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`. */
  constructor(options: BackpressureGateOptions) {
    const { subsystemName, clock = systemClock, ...changes } = options;
    this.#subsystemName = subsystemName;
    this.#clock = clock;
    this.#settings = resolveBackpressure(changes);
    this.#places = new BackpressurePlaces({
      subsystemName,
      clock,
      settings: this.#settings,
      onChange: (previousState, currentState) => {
        this.#changes.emit({ previousState, currentState, ...this.#sender() });
      },
    });
    this.#adaptive = new AdaptiveChoice(clock, (strategy, context) => {
      this.#choices.emit({ strategy, state: this.state, context, ...this.#sender() });
    });
  }

  get state(): BackpressureState {
    return this.#places.state;
  }

  /** Items inside now. */
  get queueDepth(): number {
    return this.#places.depth;
  }

  /** Bytes inside now. */
  get bytes(): number {
    return this.#places.bytes;
  }

  /** Producers that wait to enter. */
  get waitingCount(): number {
    return this.#places.waitingCount;
  }

  /** Limits and settings of now. Frozen. */
  get settings(): BackpressureSettings {
    return this.#settings;
  }

  /** How much of their full quality items deserve now, 1 for all. For the consumer. */
  get qualityRatio(): number {
    return qualityRatioOf(this.#strategy(), this.state);
  }

  /** Items dropped so far. */
  get droppedCount(): number {
    return this.#drops.droppedCount;
  }

  /** What is left of dropped items, oldest first. Counts add up to {@link droppedCount}. */
  get tombstones(): readonly BackpressureTombstone[] {
    return this.#drops.tombstones;
  }

  /** What decisions are made from. */
  context(): BackpressureContext {
    return this.#places.context();
  }

  /**
   * Enters as the strategy decides.
   *
   * @returns Dispose it to leave.
   * @throws {@link DwError} `DW_SCALING_OVERLOADED` (retryable) with `details.retryAfterMs`, where
   *   the strategy refuses, the deadline is over or too many wait already; `DW_SCALING_CLOSED`,
   *   also when the gate is disposed meanwhile.
   */
  async enter(options: BackpressureEnterOptions = {}): Promise<BackpressureEntry> {
    const { bytes = 0, signal, timeoutMs } = options;
    this.#places.assertOpen(bytes);
    signal?.throwIfAborted();
    const admission = this.#admission(bytes);
    if (admission !== 'wait') return this.#enterNow(options, admission);
    await this.#places.wait({ bytes, signal, timeoutMs });
    return this.#entry(options, this.#clock.monotonicMs());
  }

  /**
   * Enters at once, or not at all.
   *
   * @throws {@link DwError} `DW_SCALING_OVERLOADED` (retryable) with `details.retryAfterMs`;
   *   `DW_SCALING_CLOSED`.
   */
  tryEnter(item: BackpressureItem = {}): BackpressureEntry {
    const { bytes = 0 } = item;
    this.#places.assertOpen(bytes);
    return this.#enterNow(item, this.#admission(bytes));
  }

  /**
   * Takes a place where there is room, whatever the strategy. For queues of many small items: it
   * makes no object. Give the place back with {@link freePlace}.
   *
   * @returns Whether there was room.
   * @throws {@link DwError} `DW_SCALING_CLOSED`.
   */
  takePlace(bytes = 0): boolean {
    return this.#places.tryTake(bytes);
  }

  /**
   * Takes so many places of no bytes at once, as {@link takePlace} takes one.
   *
   * @param count - A whole number from 0 on.
   * @returns Whether there was room for all; otherwise none is taken.
   * @throws {@link DwError} `DW_SCALING_CLOSED`.
   */
  takePlaces(count: number): boolean {
    return this.#places.tryTakeSome(count);
  }

  /** Waits for a place, whatever the strategy. Rejects as {@link enter} does. */
  async waitForPlace(options: BackpressureWaitOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.takePlace(options.bytes)) options.onEnter?.();
    else await this.#places.wait(options);
  }

  /**
   * Gives back a place that was taken without an entry.
   *
   * @param waitedMs - How long the item waited, in milliseconds; need not be given for each.
   */
  freePlace(bytes = 0, waitedMs?: number): void {
    this.#places.free(bytes, waitedMs);
  }

  /** Gives back so many places of no bytes that were taken without an entry. */
  freePlaces(count: number): void {
    this.#places.freeSome(count);
  }

  /**
   * Changes the size of an item inside, for queues that replace what waits in them.
   *
   * @returns Whether there was room for more. To become smaller always works.
   * @throws {@link DwError} `DW_SCALING_CLOSED`.
   */
  resizePlace(fromBytes: number, toBytes: number): boolean {
    return this.#places.tryResize(fromBytes, toBytes);
  }

  /**
   * Changes settings at once; what is inside stays, and whoever fits now enters.
   *
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`; nothing has changed then.
   */
  reconfigure(changes: BackpressureChanges): void {
    this.#settings = resolveBackpressure(changes, this.#settings);
    this.#places.reconfigure(this.#settings);
  }

  /** Listens to state changes until disposed. */
  onDidChangeState(listener: (change: BackpressureStateChange) => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Listens to what the adaptive strategy chooses, until disposed. */
  onDidChooseStrategy(listener: (choice: BackpressureChoice) => void): Disposable {
    return this.#choices.add(listener);
  }

  /** Listens to drops until disposed. Called before the call returns that caused the drop. */
  onDidDrop(listener: (drop: BackpressureDrop) => void): Disposable {
    return this.#dropped.add(listener);
  }

  /** Turns away those who wait, and whoever comes later. Those inside may still leave. */
  [Symbol.dispose](): void {
    this.#places.close();
  }

  #strategy(): PlainStrategy {
    const { strategy, latencyTargetMs, dwellMs } = this.#settings;
    if (strategy !== 'adaptive') return strategy;
    const hasDroppable = this.#drops.itemCount > 0;
    const context = (): BackpressureContext => this.context();
    return this.#adaptive.strategy({
      ...{ state: this.state, hasDroppable, latencyTargetMs, dwellMs, context },
    });
  }

  #admission(bytes: number): Admission {
    const isFull = this.#places.isFull(bytes);
    return decideAdmission(this.#strategy(), { isFull, isShedding: this.#places.isShedding });
  }

  #enterNow(item: BackpressureItem, admission: Admission): BackpressureEntry {
    const { bytes = 0 } = item;
    if (admission === 'wait' || admission === 'shed') throw this.#places.overloaded(bytes);
    const drops = admission === 'drop' ? this.#makeRoom(bytes) : [];
    const nowMs = this.#clock.monotonicMs();
    this.#places.take(bytes, nowMs);
    const entry = this.#entry(item, nowMs);
    for (const drop of drops) this.#dropped.emit(drop);
    return entry;
  }

  #entry({ bytes = 0, droppable }: BackpressureItem, enteredAtMs: number): BackpressureEntry {
    const qualityRatio = this.qualityRatio;
    const entry = new CountedEntry({ bytes, qualityRatio, id: droppable?.id }, () => {
      this.#drops.remove(entry);
      this.#places.free(bytes, this.#clock.monotonicMs() - enteredAtMs);
    });
    if (droppable !== undefined) this.#drops.add(entry);
    return entry;
  }

  /** Drops the oldest until an item of that size fits. Drops nothing where that does not help. */
  #makeRoom(bytes: number): readonly BackpressureDrop[] {
    const droppable = { items: this.#drops.itemCount, bytes: this.#drops.bytes };
    if (!this.#places.wouldFit(bytes, droppable)) throw this.#places.overloaded(bytes);
    const drops: BackpressureDrop[] = [];
    while (this.#places.isFull(bytes)) {
      const reason = this.#places.reachedLimit();
      const entry = this.#drops.dropOldest();
      if (entry === undefined) throw this.#places.overloaded(bytes);
      this.#places.discard(entry.bytes);
      const tombstone = Object.freeze({ count: 1, id: entry.id ?? '', reason, ...this.#sender() });
      this.#drops.bury(tombstone, this.#settings.maxTombstones);
      drops.push({ entry, tombstone });
    }
    return drops;
  }

  #sender(): { readonly subsystemName: string; readonly timestamp: number } {
    return { subsystemName: this.#subsystemName, timestamp: this.#clock.now() };
  }
}
