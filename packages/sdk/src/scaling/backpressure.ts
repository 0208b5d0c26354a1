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

/** What a full queue does with more work. */
export type BackpressureStrategy =
  | 'dropOldest'
  | 'blockProducer'
  | 'shedLoad'
  | 'degradeQuality'
  | 'adaptive';

/** What a decision under backpressure is made from. */
export interface BackpressureContext {
  /** Share of the capacity in use, in items or bytes, whichever is more. */
  readonly currentLoad: number;
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
