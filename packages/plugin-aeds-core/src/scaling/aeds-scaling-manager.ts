import {
  type BackpressureGate,
  ComposedSubsystem,
  type ConcurrencyLimit,
  defaultScalingLimits,
  type ReconfigureLimitsOptions,
  type ScalingLimits,
  type ScalingMetrics,
  SdkCompatibility,
  scalingError,
} from '@datawarehouse/sdk';
import {
  type AedsCollections,
  type CollectionName,
  collectionEntries,
  collectionNames,
} from '../collections/aeds-collections.js';
import type { ClientSignals } from '../delivery/client-signals.js';
import type { JobEngine } from '../jobs/job-engine.js';
import { SLOT_COUNT, type StoredJob } from '../jobs/stored-job.js';
import type { TransferSettings, TransferTuner } from '../transfer/transfer-tuner.js';
import { aedsMetricDescriptors } from './metric-descriptors.js';

/** The parts that the manager reports on and re-tunes. */
export interface AedsScalingParts {
  readonly collections: AedsCollections;
  readonly engine: JobEngine;
  readonly gate: BackpressureGate;
  /** Each bounds one kind of work; all follow `maxConcurrentOperations`. */
  readonly concurrency: readonly ConcurrencyLimit[];
  readonly tuner: TransferTuner;
  readonly signals: ClientSignals;
}

/** Reports what AEDS holds and does, and changes its limits while it runs. */
@SdkCompatibility('6.0.0')
export class AedsScalingManager extends ComposedSubsystem {
  readonly #tuner: TransferTuner;
  readonly #engine: JobEngine;

  constructor(parts: AedsScalingParts) {
    let limits = defaultScalingLimits;
    super({
      subsystemName: 'aeds',
      caches: collectionNames.map((name) => cacheOf(parts.collections, name)),
      gates: [parts.gate],
      metricDescriptors: aedsMetricDescriptors,
      metrics: () => ({
        ...collectionMetrics(parts.collections),
        ...lockMetrics(parts.collections),
        ...jobMetrics(parts.engine),
        ...transferMetrics(parts.tuner, limits),
        'aeds.openPolls': parts.signals.size,
      }),
      apply: (changed) => {
        limits = changed;
        for (const limit of parts.concurrency) limit.reconfigure(changed.maxConcurrentOperations);
        parts.engine.wake();
      },
    });
    this.#tuner = parts.tuner;
    this.#engine = parts.engine;
  }

  /** How clients should fetch payloads now. */
  transferSettings(): TransferSettings {
    return this.#tuner.settings(this.currentLimits);
  }

  /**
   * Waits for the end of a job of the engine, with its result and attempts.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`; `signal.reason` when aborted.
   */
  jobEnded(jobId: string, options: { readonly signal?: AbortSignal } = {}): Promise<StoredJob> {
    return this.#engine.ended(jobId, options);
  }

  override async reconfigureLimitsAsync(
    changes: Partial<ScalingLimits>,
    options: ReconfigureLimitsOptions = {},
  ): Promise<void> {
    const partitions = partitionsOf(options.settings ?? {});
    await super.reconfigureLimitsAsync(changes, options);
    if (partitions !== undefined) this.#engine.setPartitionCount(partitions);
  }
}

/** The number of partitions among settings; there are no others. */
function partitionsOf({ partitions, ...others }: Readonly<Record<string, unknown>>) {
  const issues = Object.keys(others).map((name) => `there is no setting ${name}`);
  const isCount = Number.isInteger(partitions) && 1 <= Number(partitions);
  if (partitions !== undefined && !(isCount && Number(partitions) <= SLOT_COUNT)) {
    issues.push(`partitions must be a whole number from 1 to ${SLOT_COUNT}`);
  }
  if (issues.length > 0) {
    throw scalingError('DW_SCALING_INVALID_LIMITS', {
      message: `The settings of AEDS are wrong: ${issues.join(', ')}`,
      details: { issues },
    });
  }
  return partitions === undefined ? undefined : Number(partitions);
}

/** A collection's cache, which gets its own share of the entries. */
function cacheOf(
  collections: AedsCollections,
  name: CollectionName,
): Pick<AedsCollections[CollectionName], 'reconfigure' | 'statistics'> {
  const collection = collections[name];
  return {
    reconfigure: ({ maxEntries, maxBytes }) => {
      collection.reconfigure({ maxEntries: collectionEntries(name, maxEntries), maxBytes });
    },
    statistics: () => collection.statistics(),
  };
}

function collectionMetrics(collections: AedsCollections): ScalingMetrics {
  const entries = collectionNames.flatMap((name) => {
    const { itemCount, hits, misses, hitRatio, evictions } = collections[name].statistics();
    const of = { size: itemCount, hits, misses, hitRate: hitRatio, evictions };
    return Object.entries(of).map(([key, value]) => [`aeds.${name}.${key}`, value] as const);
  });
  return Object.fromEntries(entries);
}

function lockMetrics(collections: AedsCollections): ScalingMetrics {
  const all = collectionNames.map((name) => collections[name].statistics());
  const acquisitions = all.reduce((sum, locks) => sum + locks.acquisitions, 0);
  const contentions = all.reduce((sum, locks) => sum + locks.contentions, 0);
  return {
    'aeds.lockAcquisitions': acquisitions,
    'aeds.lockContentions': contentions,
    'aeds.lockContentionRate': acquisitions === 0 ? 0 : contentions / acquisitions,
    'aeds.lockWaitMs': all.reduce((sum, locks) => sum + locks.waitMs, 0),
  };
}

function jobMetrics(engine: JobEngine): ScalingMetrics {
  const { partitionDepths, ...jobs } = engine.statistics();
  return {
    'aeds.jobsEnqueued': jobs.enqueuedCount,
    'aeds.jobsProcessed': jobs.completedCount,
    'aeds.jobsFailed': jobs.deadCount,
    'aeds.jobsCancelled': jobs.cancelledCount,
    'aeds.jobsRunning': jobs.runningCount,
    'aeds.jobAttemptsFailed': jobs.failedAttemptCount,
    'aeds.jobsHeld': jobs.isHeld ? 1 : 0,
    'aeds.totalQueuedJobs': partitionDepths.reduce((sum, depth) => sum + depth, 0),
    'aeds.partitionCount': partitionDepths.length,
    ...Object.fromEntries(
      partitionDepths.map((depth, index) => [`aeds.partition.${index}.queueDepth`, depth]),
    ),
  };
}

function transferMetrics(tuner: TransferTuner, limits: ScalingLimits): ScalingMetrics {
  const { chunkSizeBytes, maxConcurrentChunks } = tuner.settings(limits);
  return {
    'aeds.chunksProcessed': tuner.chunksProcessed,
    'aeds.bytesProcessed': tuner.bytesProcessed,
    'aeds.maxConcurrentChunks': maxConcurrentChunks,
    'aeds.chunkSizeBytes': chunkSizeBytes,
    'aeds.avgThroughputBytesPerSec': tuner.throughputBytesPerSec(),
  };
}
