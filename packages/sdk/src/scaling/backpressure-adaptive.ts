import type { Clock } from '../plugin/clock.js';
import type { BackpressureContext, BackpressureState } from './backpressure.js';
import type { PlainStrategy } from './backpressure-strategies.js';

/** What the adaptive strategy knows of its gate. */
export interface AdaptiveView {
  readonly state: BackpressureState;
  readonly hasDroppable: boolean;
  readonly latencyTargetMs: number;
  readonly dwellMs: number;
  /** Costs more than the rest: asked for only where a choice is made. */
  readonly context: () => BackpressureContext;
}

/**
 * Chooses a strategy by the state and the latency, and keeps it until the state changes or the
 * dwell time is over.
 */
export class AdaptiveChoice {
  readonly #clock: Clock;
  readonly #onChoice: (strategy: PlainStrategy, context: BackpressureContext) => void;
  #strategy: PlainStrategy | undefined;
  #state: BackpressureState | undefined;
  #chosenAtMs = 0;

  constructor(
    clock: Clock,
    onChoice: (strategy: PlainStrategy, context: BackpressureContext) => void,
  ) {
    this.#clock = clock;
    this.#onChoice = onChoice;
  }

  /** The strategy of now. */
  strategy(view: AdaptiveView): PlainStrategy {
    if (this.#strategy !== undefined && this.#isCurrent(view)) return this.#strategy;
    const context = view.context();
    const strategy = choose(view, context);
    const hasChanged = strategy !== this.#strategy;
    this.#strategy = strategy;
    this.#state = view.state;
    this.#chosenAtMs = this.#clock.monotonicMs();
    if (hasChanged) this.#onChoice(strategy, context);
    return strategy;
  }

  #isCurrent({ state, dwellMs }: AdaptiveView): boolean {
    if (state !== this.#state) return false;
    // Below shedding the state alone decides.
    if (state !== 'shedding') return true;
    return this.#clock.monotonicMs() - this.#chosenAtMs < dwellMs;
  }
}

function choose(view: AdaptiveView, { latencyP99 }: BackpressureContext): PlainStrategy {
  if (view.state === 'normal') return 'blockProducer';
  if (view.state !== 'shedding') return 'degradeQuality';
  if (view.hasDroppable) return 'dropOldest';
  // A queue that moves is worth a wait; one that does not must turn producers away.
  return latencyP99 <= view.latencyTargetMs ? 'blockProducer' : 'shedLoad';
}
