import type { BackpressureState, BackpressureStrategy } from './backpressure.js';

/** A strategy that decides by itself. */
export type PlainStrategy = Exclude<BackpressureStrategy, 'adaptive'>;

/** What happens to work at the gate: it enters, waits, is refused, or others are dropped for it. */
export type Admission = 'admit' | 'wait' | 'shed' | 'drop';

/** What a strategy sees. */
export interface AdmissionView {
  /** Whether there is no room, or others wait for it already. */
  readonly isFull: boolean;
  /** Whether the state asks for load to be shed. */
  readonly isShedding: boolean;
}

/** Decides over one item. */
type Decide = (view: AdmissionView) => Admission;

/** The strategies. None lets more inside than the limits allow. */
const decisions: Readonly<Record<PlainStrategy, Decide>> = {
  blockProducer: ({ isFull }) => (isFull ? 'wait' : 'admit'),
  // Refusing begins before the limit, so that producers slow down while there is still some room.
  shedLoad: ({ isFull, isShedding }) => (isFull || isShedding ? 'shed' : 'admit'),
  // What is dropped is lost: not before there is no other way.
  dropOldest: ({ isFull }) => (isFull ? 'drop' : 'admit'),
  // A consumer that does less for each item makes room; until then producers wait.
  degradeQuality: ({ isFull }) => (isFull ? 'wait' : 'admit'),
};

/** Decides over one item under a strategy. */
export function decideAdmission(strategy: PlainStrategy, view: AdmissionView): Admission {
  return decisions[strategy](view);
}

const qualityRatios: Readonly<Record<BackpressureState, number>> = {
  normal: 1,
  warning: 0.75,
  critical: 0.5,
  shedding: 0.25,
};

/** How much of its full quality an item deserves under a strategy. */
export function qualityRatioOf(strategy: PlainStrategy, state: BackpressureState): number {
  return strategy === 'degradeQuality' ? qualityRatios[state] : 1;
}
