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
  readonly #onChange: (previous: BackpressureState, current: BackpressureState) => void;
  /** Load at which each state begins, by its rank. */
  #beginnings: readonly number[] = [];
  /** Load below which each state may be left. */
  #ends: readonly number[] = [];
  #dwellMs = 0;
  #load = 0;
  #rank = 0;
  #hasFallen = false;
  #changedAtMs: number;
  #recheck: Disposable | undefined;
  #isClosed = false;

  constructor(
    clock: Clock,
    onChange: (previous: BackpressureState, current: BackpressureState) => void,
  ) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#changedAtMs = clock.monotonicMs();
  }

  get state(): BackpressureState {
    return backpressureStates[this.#rank] ?? 'normal';
  }

  /** Whether new work is to be shed: since the state is shedding, and its load is not yet left. */
  get isShedding(): boolean {
    return this.#rank === 3 && this.#load >= (this.#ends[3] ?? 0);
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

  /** Takes the load of now. Most calls change nothing and are cheap. */
  update(load: number): void {
    this.#load = load;
    const mayRise = load >= (this.#beginnings[this.#rank + 1] ?? Number.POSITIVE_INFINITY);
    if (!mayRise && load >= (this.#ends[this.#rank] ?? 0)) return;
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
      this.update(this.#load);
    }, remainingMs);
  }

  #change(): void {
    const load = this.#load;
    const isRise = load >= (this.#beginnings[this.#rank + 1] ?? Number.POSITIVE_INFINITY);
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
