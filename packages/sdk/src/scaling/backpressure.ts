import { z } from 'zod';
import { type Topic, topic } from '../messaging/topic.js';

/** How full a queue is, from empty to refusing work. */
export type BackpressureState = 'normal' | 'warning' | 'critical' | 'shedding';

/** The states in ascending order. */
export const backpressureStates: readonly BackpressureState[] = Object.freeze([
  'normal',
  'warning',
  'critical',
  'shedding',
]);

/**
 * What a full queue does with more work.
 *
 * - `blockProducer` makes producers wait in order of arrival.
 * - `shedLoad` refuses, from the shedding threshold on until the load is below its hysteresis.
 * - `dropOldest` makes room by dropping the oldest items that are marked droppable, and leaves a
 *   tombstone of each; where that does not help, it refuses.
 * - `degradeQuality` admits, and tells the consumer how far to degrade; at the limit it waits.
 * - `adaptive` takes one of the others after the state and the latency, and tells which.
 */
export type BackpressureStrategy =
  | 'dropOldest'
  | 'blockProducer'
  | 'shedLoad'
  | 'degradeQuality'
  | 'adaptive';

/** Where states begin, and what they are left by. Shares of the limit, 0 to 1. */
export interface BackpressureThresholds {
  /** @defaultValue 0.7 */
  readonly warningRatio: number;
  /** @defaultValue 0.85 */
  readonly criticalRatio: number;
  /** @defaultValue 0.95 */
  readonly sheddingRatio: number;
  /**
   * How far below its threshold a state is left.
   * @defaultValue 0.1
   */
  readonly hysteresisRatio: number;
}

/** What a decision under backpressure is made from. */
export interface BackpressureContext {
  /** Share of the capacity in use, in items or bytes, whichever is more. */
  readonly currentLoad: number;
  /** The limit that `currentLoad` is a share of, in items or bytes; 0 where there is none. */
  readonly maxCapacity: number;
  readonly queueDepth: number;
  /** 99th percentile of the time that items waited, in milliseconds. */
  readonly latencyP99: number;
}

/** A change of a subsystem's backpressure state. */
export interface BackpressureStateChange {
  readonly previousState: BackpressureState;
  readonly currentState: BackpressureState;
  readonly subsystemName: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** What the adaptive strategy has chosen, and why. */
export interface BackpressureChoice {
  readonly strategy: Exclude<BackpressureStrategy, 'adaptive'>;
  readonly state: BackpressureState;
  readonly context: BackpressureContext;
  readonly subsystemName: string;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** What is left of items that were dropped to make room. */
export interface BackpressureTombstone {
  /** Items that it stands for: 1, and more where the list of tombstones had to be shortened. */
  readonly count: number;
  /** Id of the item, or of the latest of several. */
  readonly id: string;
  /** The limit that the queue had reached. */
  readonly reason: 'maxQueueDepth' | 'maxBytes';
  readonly subsystemName: string;
  /** When the item, or the latest of several, was dropped: milliseconds since the epoch. */
  readonly timestamp: number;
}

/** A place inside a gate. Dispose it to leave; doing so twice, or after a drop, does nothing. */
export interface BackpressureEntry extends Disposable {
  /** How much of its full quality the item deserves, 1 for all; less under `degradeQuality`. */
  readonly qualityRatio: number;
  /** Whether the item was dropped to make room: do not handle it. */
  readonly isDropped: boolean;
}

/** An item that has just been dropped. Take it out of the queue. */
export interface BackpressureDrop {
  readonly entry: BackpressureEntry;
  readonly tombstone: BackpressureTombstone;
}

const state = z.enum(['normal', 'warning', 'critical', 'shedding']);

/** Published at each change of a subsystem's backpressure state. */
export const backpressureChangedTopic: Topic<BackpressureStateChange> = topic(
  'dw.scaling.backpressure.changed',
  z.object({
    previousState: state,
    currentState: state,
    subsystemName: z.string(),
    timestamp: z.number(),
  }),
);
