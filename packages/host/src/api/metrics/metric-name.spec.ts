import { describe, expect, it } from 'vitest';
import { metricName, snakeCase } from './metric-name.js';

describe('metricName', () => {
  it.each([
    ['cache.size', 'gauge', undefined, 'dw_cache_size'],
    ['cache.hitRate', 'gauge', 'ratio', 'dw_cache_hit_ratio'],
    ['cache.memoryBytes', 'gauge', undefined, 'dw_cache_memory_bytes'],
    ['replication.replicaCount', 'gauge', undefined, 'dw_replication_replicas'],
    [
      'replication.totalReplicatedEvents',
      'counter',
      undefined,
      'dw_replication_replicated_events_total',
    ],
    ['replication.replica.lagSeconds', 'gauge', undefined, 'dw_replication_replica_lag_seconds'],
    ['replication.conflictRate', 'gauge', 'ratio', 'dw_replication_conflict_ratio'],
    ['aeds.totalQueuedJobs', 'gauge', undefined, 'dw_aeds_queued_jobs'],
    ['aeds.bytesProcessed', 'counter', 'bytes', 'dw_aeds_processed_bytes_total'],
    ['aeds.chunkSizeBytes', 'gauge', 'bytes', 'dw_aeds_chunk_size_bytes'],
    [
      'aeds.avgThroughputBytesPerSec',
      'gauge',
      undefined,
      'dw_aeds_avg_throughput_bytes_per_second',
    ],
    ['x.entryCount', 'gauge', undefined, 'dw_x_entries'],
    ['x.a-c/e', 'gauge', undefined, 'dw_x_a_c_e'],
    ['x.queryGauge', 'gauge', undefined, 'dw_x_query'],
    ['x.sizeMb', 'gauge', undefined, 'dw_x_sizemb'],
    ['x.weightedSum', 'gauge', undefined, 'dw_x_weighted_sum_value'],
  ] as const)('names %s (%s, %s) %s', (key, type, unit, name) => {
    expect(metricName(key, type, unit)).toEqual({ name, factor: 1 });
  });

  it('counts time in seconds', () => {
    const seconds = { name: 'dw_aeds_lock_wait_seconds_total', factor: 0.001 };
    expect(metricName('aeds.lockWaitMs', 'counter', 'milliseconds')).toEqual(seconds);
    expect(metricName('aeds.lockWaitMs', 'counter', undefined)).toEqual(seconds);
    expect(metricName('x.age', 'gauge', 'seconds')).toEqual({
      name: 'dw_x_age_seconds',
      factor: 1,
    });
  });
});

describe('snakeCase', () => {
  it.each([
    ['hitRate', 'hit_rate'],
    ['latencyP99', 'latency_p99'],
    ['HTTPRequests', 'http_requests'],
    ['a.b', 'a_b'],
  ])('writes %s as %s', (text, snake) => {
    expect(snakeCase(text)).toBe(snake);
  });
});
