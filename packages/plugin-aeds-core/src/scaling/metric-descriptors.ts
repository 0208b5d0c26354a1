import type { ScalingMetricDescriptor } from '@datawarehouse/sdk';

const gauge = (key: string, help: string): ScalingMetricDescriptor => ({
  key,
  type: 'gauge',
  help,
});
const counter = (key: string, help: string): ScalingMetricDescriptor => ({
  key,
  type: 'counter',
  help,
});

/** What the metrics of AEDS mean. */
export const aedsMetricDescriptors: readonly ScalingMetricDescriptor[] = Object.freeze([
  gauge('aeds.<collection>.size', 'Records of the collection held in memory.'),
  counter('aeds.<collection>.hits', 'Reads of the collection answered from memory.'),
  counter('aeds.<collection>.misses', 'Reads of the collection that asked the store.'),
  {
    ...gauge('aeds.<collection>.hitRate', 'Share of the reads answered from memory.'),
    unit: 'ratio',
  },
  counter('aeds.<collection>.evictions', 'Records dropped from memory to stay within limits.'),
  counter('aeds.lockAcquisitions', 'Locks of records taken.'),
  counter('aeds.lockContentions', 'Locks of records that had to be waited for.'),
  { ...gauge('aeds.lockContentionRate', 'Share of the locks waited for.'), unit: 'ratio' },
  { ...counter('aeds.lockWaitMs', 'Time waited for locks.'), unit: 'milliseconds' },
  counter('aeds.jobsEnqueued', 'Jobs accepted.'),
  counter('aeds.jobsProcessed', 'Jobs completed: dispatched to their targets.'),
  counter('aeds.jobsFailed', 'Jobs put with the dead letters.'),
  counter('aeds.jobsCancelled', 'Jobs cancelled before they were completed.'),
  counter('aeds.jobAttemptsFailed', 'Attempts of jobs that failed.'),
  gauge('aeds.jobsRunning', 'Jobs that run now.'),
  gauge('aeds.jobsHeld', '1 while no job may start, else 0.'),
  gauge('aeds.totalQueuedJobs', 'Jobs that wait for their partition’s worker.'),
  gauge('aeds.partitionCount', 'Partitions of the job queue.'),
  gauge('aeds.partition.<partition>.queueDepth', 'Jobs that wait in the partition.'),
  counter('aeds.chunksProcessed', 'Payload requests served.'),
  { ...counter('aeds.bytesProcessed', 'Payload bytes served.'), unit: 'bytes' },
  gauge('aeds.maxConcurrentChunks', 'Requests that a client should make at a time.'),
  { ...gauge('aeds.chunkSizeBytes', 'Bytes that a client should ask for at once.'), unit: 'bytes' },
  {
    ...gauge('aeds.avgThroughputBytesPerSec', 'Bytes a second of one stream, of late.'),
    unit: 'bytes',
  },
  gauge('aeds.openPolls', 'Clients that wait for news now.'),
]);
