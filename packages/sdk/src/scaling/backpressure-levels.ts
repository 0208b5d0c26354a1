import type { Clock } from '../plugin/clock.js';
import { type BackpressureState, backpressureStates } from './backpressure.js';
import type { BackpressureSettings } from './backpressure-options.js';

/**
 * Turns a load into a state that neither trembles nor misses a flood.
 *
 * A rise may follow a rise at once; any other change waits until the state has lasted for the dwell
 * time. So two changes within one dwell time are rises over different thresholds.
 */
export class BackpressureLevels {
  readonly #clock: Clock;
  readonly #loadNow: () => number;
  readonly #onChange: (previous: BackpressureState, current: BackpressureState) => void;
  /** Load at which each state begins, by its rank. */
  #beginnings: readonly number[] = [];
  /** Load below which each state may be left. */
  #ends: readonly number[] = [];
  #dwellMs = 0;
  #rank = 0;
  #hasFallen = false;
  #changedAtMs: number;
  #recheck: Disposable | undefined;
  #isClosed = false;

  constructor(options: {
    readonly clock: Clock;
    /** The load of now, as a share of the limit. */
    readonly load: () => number;
    readonly onChange: (previous: BackpressureState, current: BackpressureState) => void;
  }) {
    this.#clock = options.clock;
    this.#loadNow = options.load;
    this.#onChange = options.onChange;
    this.#changedAtMs = options.clock.monotonicMs();
  }

  get state(): BackpressureState {
    return backpressureStates[this.#rank] ?? 'normal';
  }

  /** Whether new work is to be shed: since the state is shedding, and its load is not yet left. */
  get isShedding(): boolean {
    return this.#rank === 3 && this.#loadNow() >= this.calmFrom;
  }

  /** Load from which on the state stays as it is, until {@link calmBelow}. */
  get calmFrom(): number {
    return this.#ends[this.#rank] ?? 0;
  }

  get calmBelow(): number {
    return this.#beginnings[this.#rank + 1] ?? Number.POSITIVE_INFINITY;
  }

  /** Takes thresholds and dwell time. Call {@link update} afterwards. */
  configure({ thresholds, dwellMs }: BackpressureSettings): void {
    const { warningRatio, criticalRatio, sheddingRatio, hysteresisRatio } = thresholds;
    const beginnings = [warningRatio, criticalRatio, sheddingRatio];
    this.#beginnings = [Number.NEGATIVE_INFINITY, ...beginnings];
    // Rounded: 0.85 - 0.1 must not become a little more than 0.75.
    const ends = beginnings.map((ratio) => Math.round((ratio - hysteresisRatio) * 1e9) / 1e9);
    this.#ends = [Number.NEGATIVE_INFINITY, ...ends];
    this.#dwellMs = dwellMs;
  }

  /** Looks at the load, which has changed. */
  update(): void {
    const load = this.#loadNow();
    const mayRise = load >= this.calmBelow;
    if (!mayRise && load >= this.calmFrom) return;
    if (mayRise && !this.#hasFallen) this.#change();
    // While a timer looks after it, nobody asks the clock: that costs more than all the rest.
    else if (this.#recheck === undefined) this.#changeInTime();
  }

  end(): void {
    this.#isClosed = true;
    this.#recheck?.[Symbol.dispose]();
    this.#recheck = undefined;
  }

  /** A queue that falls silent changes state too, once its dwell time is over. */
  #changeInTime(): void {
    const remainingMs = this.#changedAtMs + this.#dwellMs - this.#clock.monotonicMs();
    if (remainingMs <= 0) {
      this.#change();
      return;
    }
    if (this.#isClosed) return;
    this.#recheck = this.#clock.setTimeout(() => {
      this.#recheck = undefined;
      this.update();
    }, remainingMs);
  }

  #change(): void {
    const load = this.#loadNow();
    const isRise = load >= this.calmBelow;
    const rank = (isRise ? this.#beginnings : this.#ends).findLastIndex((from) => load >= from);
    const previous = this.state;
    this.#rank = rank;
    this.#hasFallen = !isRise;
    this.#changedAtMs = this.#clock.monotonicMs();
    this.#recheck?.[Symbol.dispose]();
    this.#recheck = undefined;
    this.#onChange(previous, this.state);
  }
}
