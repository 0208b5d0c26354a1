import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { type BackpressureState, backpressureStates } from './backpressure.js';
import type { BackpressureGate } from './backpressure-gate.js';
import type { BoundedCache } from './bounded-cache.js';
import type {
  IScalableSubsystem,
  ReconfigureLimitsOptions,
  ScalingMetricDescriptor,
  ScalingMetrics,
} from './scalable-subsystem.js';
import { resolveScalingLimits, type ScalingLimits } from './scaling-limits.js';

/** A cache that a {@link ComposedSubsystem} reports and resizes. */
export type ComposedCache = Pick<BoundedCache<string, object>, 'reconfigure' | 'statistics'>;

/** A gate that a {@link ComposedSubsystem} reports and resizes. */
export type ComposedGate = Pick<BackpressureGate, 'reconfigure' | 'state' | 'queueDepth'>;

/** What a {@link ComposedSubsystem} is made of. */
export interface ComposedSubsystemOptions {
  /** Unique on its node: lower-case letters, digits and dashes. */
  readonly subsystemName: string;
  /** Limits to begin with. Default: those of the SDK. */
  readonly limits?: Partial<ScalingLimits>;
  /** Each gets `maxCacheEntries`, and an equal share of `maxMemoryBytes`. */
  readonly caches?: readonly ComposedCache[];
  /** Each gets `maxQueueDepth`. */
  readonly gates?: readonly ComposedGate[];
  /** Metrics beside the standard ones. */
  readonly metrics?: () => ScalingMetrics;
  /** What those metrics mean. */
  readonly metricDescriptors?: readonly ScalingMetricDescriptor[];
  /** Called with new limits after caches and gates have them. */
  readonly apply?: (limits: ScalingLimits, options: ReconfigureLimitsOptions) => void;
}

/**
 * An {@link IScalableSubsystem} over caches and gates: reports their state under the standard
 * keys, and hands them new limits at once.
 */
@SdkCompatibility('6.0.0')
export class ComposedSubsystem implements IScalableSubsystem {
  readonly subsystemName: string;
  readonly metricDescriptors: readonly ScalingMetricDescriptor[];
  readonly #options: ComposedSubsystemOptions;
  #limits: ScalingLimits;

  constructor(options: ComposedSubsystemOptions) {
    this.subsystemName = options.subsystemName;
    this.metricDescriptors = options.metricDescriptors ?? [];
    this.#options = options;
    this.#limits = resolveScalingLimits(options.limits);
    this.#handOn({});
  }

  get currentLimits(): ScalingLimits {
    return this.#limits;
  }

  get currentBackpressureState(): BackpressureState {
    const ranks = (this.#options.gates ?? []).map((gate) => backpressureStates.indexOf(gate.state));
    return backpressureStates[Math.max(0, ...ranks)] ?? 'normal';
  }

  getScalingMetrics(): ScalingMetrics {
    const caches = (this.#options.caches ?? []).map((cache) => cache.statistics());
    const hits = sum(caches.map((cache) => cache.hits));
    const asked = hits + sum(caches.map((cache) => cache.misses));
    return {
      'cache.size': sum(caches.map((cache) => cache.itemCount)),
      'cache.hitRate': asked === 0 ? 0 : hits / asked,
      'cache.memoryBytes': sum(caches.map((cache) => cache.totalBytes)),
      'backpressure.state': this.currentBackpressureState,
      'backpressure.queueDepth': sum((this.#options.gates ?? []).map((gate) => gate.queueDepth)),
      ...this.#options.metrics?.(),
    };
  }

  async reconfigureLimitsAsync(
    changes: Partial<ScalingLimits>,
    options: ReconfigureLimitsOptions = {},
  ): Promise<void> {
    this.#limits = resolveScalingLimits(changes, this.#limits);
    this.#handOn(options);
  }

  #handOn(options: ReconfigureLimitsOptions): void {
    const { maxCacheEntries, maxMemoryBytes, maxQueueDepth } = this.#limits;
    const { caches = [], gates = [] } = this.#options;
    for (const cache of caches) {
      const maxBytes = Math.floor(maxMemoryBytes / caches.length);
      cache.reconfigure({ maxEntries: maxCacheEntries, maxBytes });
    }
    for (const gate of gates) gate.reconfigure({ maxQueueDepth });
    this.#options.apply?.(this.#limits, options);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
