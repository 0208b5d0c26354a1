import {
  type BackpressureGate,
  type BackpressureState,
  ComposedSubsystem,
  type ConcurrencyLimit,
  defaultScalingLimits,
  type IScalableSubsystem,
  type ReconfigureLimitsOptions,
  resolveScalingLimits,
  type ScalingLimits,
  type ScalingMetricDescriptor,
  type ScalingMetrics,
  SdkCompatibility,
  scalingError,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import type { DispatchLimits } from '../queue/replica-dispatcher.js';
import {
  type ReplicationMetricSources,
  readReplicationMetrics,
  replicationMetricDescriptors,
} from './replication-metrics.js';

/** The parts that a {@link ReplicationScalingManager} reports on and re-tunes. */
export interface ReplicationScalingParts extends ReplicationMetricSources {
  /** Holds writes until active replicas have confirmed them. */
  readonly gate: BackpressureGate;
  /** Bounds reads and writes in flight. */
  readonly concurrency: readonly ConcurrencyLimit[];
}

const defaultCacheEntries = defaultScalingLimits.maxCacheEntries;

/** Settings of replication beside the limits that all subsystems have. */
const settingsSchema = z.strictObject({
  /** Replaces all routes. */
  routes: z.array(z.strictObject({ pattern: z.string(), strategy: z.string() })).optional(),
  defaultStrategy: z.string().optional(),
  /** Bytes of log beyond which the oldest entries go, confirmed or not; 0 for no limit. */
  maxLogBytes: z.int().min(0).optional(),
  retentionMs: z.int().min(1000).optional(),
});

/**
 * Reports on replication and re-tunes it while it runs.
 *
 * `maxCacheEntries` bounds the memo of routed names, and a tenth of it the routes;
 * `maxQueueDepth` the writes that active replicas have yet to confirm; `maxConcurrentOperations`
 * writes and fetches in flight; `maxMemoryBytes` memo, waiting writes and batches.
 */
@SdkCompatibility('6.0.0')
export class ReplicationScalingManager implements IScalableSubsystem {
  readonly subsystemName = 'replication';
  readonly metricDescriptors: readonly ScalingMetricDescriptor[] = replicationMetricDescriptors;
  readonly #parts: ReplicationScalingParts;
  readonly #composed: ComposedSubsystem;

  constructor(parts: ReplicationScalingParts) {
    this.#parts = parts;
    const { router, gate, concurrency } = parts;
    this.#composed = new ComposedSubsystem({
      subsystemName: this.subsystemName,
      limits: { maxCacheEntries: Math.max(defaultCacheEntries, router.routing.routes.length * 10) },
      // The memo gets half of the memory; what waits and what is sent share the rest.
      caches: [
        {
          statistics: () => router.statistics(),
          reconfigure: ({ maxEntries = 1, maxBytes = 0 }) =>
            router.reconfigure({ maxEntries, maxBytes: Math.floor(maxBytes / 2) }),
        },
      ],
      gates: [gate],
      metrics: () => readReplicationMetrics(parts),
      apply: ({ maxMemoryBytes, maxConcurrentOperations }) => {
        gate.reconfigure({ maxBytes: Math.floor(maxMemoryBytes / 4) });
        for (const limit of concurrency) limit.reconfigure(maxConcurrentOperations);
      },
    });
  }

  get currentLimits(): ScalingLimits {
    return this.#composed.currentLimits;
  }

  get currentBackpressureState(): BackpressureState {
    return this.#composed.currentBackpressureState;
  }

  /** Bounds of what is under way to a replica. */
  get dispatchLimits(): DispatchLimits {
    const share = Math.floor(this.currentLimits.maxMemoryBytes / 128);
    const maxBatchBytes = Math.min(524_288, Math.max(1_024, share));
    return { maxBatchEntries: 256, maxBatchBytes, maxBatchesInFlight: 4 };
  }

  getScalingMetrics(): ScalingMetrics {
    return this.#composed.getScalingMetrics();
  }

  async reconfigureLimitsAsync(
    changes: Partial<ScalingLimits>,
    options: ReconfigureLimitsOptions = {},
  ): Promise<void> {
    const { router, log } = this.#parts;
    const { maxCacheEntries } = resolveScalingLimits(changes, this.currentLimits);
    const { routes, defaultStrategy, maxLogBytes, retentionMs } = parseSettings(options.settings);
    if (routes !== undefined || defaultStrategy !== undefined) {
      const routing = { ...(routes && { routes }), ...(defaultStrategy && { defaultStrategy }) };
      await router.replace(routing, maxCacheEntries);
    }
    router.assertFits(maxCacheEntries);
    log.reconfigure({
      ...(maxLogBytes !== undefined && { maxHeldBytes: maxLogBytes }),
      ...(retentionMs !== undefined && { retentionMs }),
    });
    await this.#composed.reconfigureLimitsAsync(changes, options);
  }
}

function parseSettings(settings: unknown = {}): z.output<typeof settingsSchema> {
  const result = settingsSchema.safeParse(settings);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw scalingError('DW_SCALING_INVALID_LIMITS', {
    message: `The settings of replication are not valid: ${issues.join('; ')}`,
    details: { issues },
  });
}
