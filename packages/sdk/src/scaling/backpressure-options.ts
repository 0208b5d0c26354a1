import { scalingError } from '../errors/scaling-errors.js';
import type { Clock } from '../plugin/clock.js';
import type { BackpressureStrategy, BackpressureThresholds } from './backpressure.js';

/** What of a gate can change while it works. */
export interface BackpressureSettings {
  /**
   * Most items inside, 0 for no limit.
   * @defaultValue 1000
   */
  readonly maxQueueDepth: number;
  /**
   * Most bytes inside, 0 for no limit.
   * @defaultValue 0
   */
  readonly maxBytes: number;
  /**
   * What happens to work that finds no room.
   * @defaultValue 'blockProducer'
   */
  readonly strategy: BackpressureStrategy;
  /** Where states begin, and what they are left by. */
  readonly thresholds: BackpressureThresholds;
  /**
   * Least time between a change of state and the next, except from one rise to the next, in
   * milliseconds.
   * @defaultValue 1000
   */
  readonly dwellMs: number;
  /**
   * Most producers that may wait; the next one is refused.
   * @defaultValue 10000
   */
  readonly maxWaitingProducers: number;
  /**
   * Most tombstones that are kept; older ones are added up into one.
   * @defaultValue 100
   */
  readonly maxTombstones: number;
  /**
   * 99th percentile of the wait up to which the adaptive strategy lets producers wait, in
   * milliseconds.
   * @defaultValue 1000
   */
  readonly latencyTargetMs: number;
}

/** A change of {@link BackpressureSettings}. Thresholds may be given in part. */
export interface BackpressureChanges extends Partial<Omit<BackpressureSettings, 'thresholds'>> {
  readonly thresholds?: Partial<BackpressureThresholds>;
}

/** How a gate counts and decides. */
export interface BackpressureGateOptions extends BackpressureChanges {
  /** Named in state changes. */
  readonly subsystemName: string;
  readonly clock?: Clock;
}

const defaults: BackpressureSettings = {
  maxQueueDepth: 1000,
  maxBytes: 0,
  strategy: 'blockProducer',
  thresholds: { warningRatio: 0.7, criticalRatio: 0.85, sheddingRatio: 0.95, hysteresisRatio: 0.1 },
  dwellMs: 1000,
  maxWaitingProducers: 10_000,
  maxTombstones: 100,
  latencyTargetMs: 1000,
};

const strategies: readonly string[] = [
  'dropOldest',
  'blockProducer',
  'shedLoad',
  'degradeQuality',
  'adaptive',
];

/**
 * Lays changes over settings, and checks the result.
 *
 * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`.
 */
export function resolveBackpressure(
  changes: BackpressureChanges,
  current: BackpressureSettings = defaults,
): BackpressureSettings {
  const settings: BackpressureSettings = Object.freeze({
    maxQueueDepth: changes.maxQueueDepth ?? current.maxQueueDepth,
    maxBytes: changes.maxBytes ?? current.maxBytes,
    strategy: changes.strategy ?? current.strategy,
    thresholds: Object.freeze({ ...current.thresholds, ...changes.thresholds }),
    dwellMs: changes.dwellMs ?? current.dwellMs,
    maxWaitingProducers: changes.maxWaitingProducers ?? current.maxWaitingProducers,
    maxTombstones: changes.maxTombstones ?? current.maxTombstones,
    latencyTargetMs: changes.latencyTargetMs ?? current.latencyTargetMs,
  });
  for (const name of ['maxQueueDepth', 'maxBytes', 'maxWaitingProducers'] as const) {
    check(name, settings[name], Number.isSafeInteger(settings[name]) && settings[name] >= 0);
  }
  check('maxTombstones', settings.maxTombstones, Number.isSafeInteger(settings.maxTombstones));
  check('maxTombstones', settings.maxTombstones, settings.maxTombstones >= 1);
  for (const name of ['dwellMs', 'latencyTargetMs'] as const) {
    check(name, settings[name], Number.isFinite(settings[name]) && settings[name] >= 0);
  }
  check('strategy', settings.strategy, strategies.includes(settings.strategy));
  checkThresholds(settings.thresholds);
  return settings;
}

function checkThresholds(thresholds: BackpressureThresholds): void {
  const { warningRatio, criticalRatio, sheddingRatio, hysteresisRatio } = thresholds;
  const areAscending =
    warningRatio < criticalRatio && criticalRatio < sheddingRatio && sheddingRatio <= 1;
  check('thresholds', thresholds, areAscending);
  check('thresholds', thresholds, hysteresisRatio >= 0 && hysteresisRatio < warningRatio);
}

function check(name: string, value: unknown, isRight: boolean): void {
  if (isRight) return;
  throw scalingError('DW_SCALING_INVALID_LIMITS', {
    message: `${name} is out of range`,
    details: { name, value },
  });
}
