import { z } from 'zod';
import { type Contract, contract } from '../compatibility/contract.js';
import { type Topic, topic } from '../messaging/topic.js';
import type { BackpressureState } from './backpressure.js';
import { type ScalingLimits, scalingLimitsSchema } from './scaling-limits.js';

/** Names to values, flat: `cache.size`, `replication.replica.n2.lag`. */
export type ScalingMetrics = Readonly<Record<string, number | string | boolean>>;

/** Metric keys that every subsystem reports. */
export const standardMetricKeys: readonly string[] = Object.freeze([
  'cache.size',
  'cache.hitRate',
  'cache.memoryBytes',
  'backpressure.state',
  'backpressure.queueDepth',
]);

/** What a metric key means. */
export interface ScalingMetricDescriptor {
  /**
   * Metric key; a segment in angle brackets stands for any text, and becomes a label of that
   * name: `replication.replica.<replica>.lag`.
   */
  readonly key: string;
  /** A `counter` only ever rises, until the process ends; a `gauge` goes both ways. */
  readonly type: 'counter' | 'gauge';
  /** One sentence for people. */
  readonly help: string;
  /** What the number counts. Default: a plain number. */
  readonly unit?: 'bytes' | 'seconds' | 'milliseconds' | 'ratio';
}

/** Options of {@link IScalableSubsystem.reconfigureLimitsAsync}. */
export interface ReconfigureLimitsOptions {
  /** Who or what asked for it, for the log. */
  readonly reason?: string;
  /** Settings that only this subsystem knows, checked by it. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Limits of a subsystem were changed. */
export interface ScalingReconfigured {
  readonly subsystemName: string;
  readonly oldLimits: ScalingLimits;
  readonly newLimits: ScalingLimits;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

const limits = scalingLimitsSchema.required();

/** Published after each change of limits. */
export const scalingReconfiguredTopic: Topic<ScalingReconfigured> = topic(
  'dw.scaling.limits.reconfigured',
  z.object({
    subsystemName: z.string(),
    oldLimits: limits,
    newLimits: limits,
    timestamp: z.number(),
  }),
);

/**
 * A part of a plugin that reports what it uses, and can be re-tuned while it runs.
 *
 * Provide it in `initializeAsync` with `context.services.provide(IScalableSubsystem, manager)`;
 * several may be provided. Prove one with `scalableSubsystemConformance` from
 * `@datawarehouse/sdk/testing`.
 */
export interface IScalableSubsystem {
  /** Unique on its node: lower-case letters, digits and dashes. */
  readonly subsystemName: string;

  /** Limits in force now. */
  readonly currentLimits: ScalingLimits;

  /** The worst state among the subsystem's queues. */
  readonly currentBackpressureState: BackpressureState;

  /** What the metric keys mean. Keys without a descriptor are gauges. */
  readonly metricDescriptors?: readonly ScalingMetricDescriptor[];

  /**
   * Reports what the subsystem holds and does now, {@link standardMetricKeys} among them.
   *
   * Reading changes nothing, and costs no I/O.
   */
  getScalingMetrics(): ScalingMetrics;

  /**
   * Changes limits at once, without losing what is held or in flight.
   *
   * @param changes - The limits to change; the others stay.
   * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`; nothing is changed then.
   */
  reconfigureLimitsAsync(
    changes: Partial<ScalingLimits>,
    options?: ReconfigureLimitsOptions,
  ): Promise<void>;
}

/** Injection token of the contract of the same name. */
export const IScalableSubsystem: Contract<IScalableSubsystem> = contract(
  'dw.sdk.IScalableSubsystem',
  { introduced: '6.0.0' },
);
