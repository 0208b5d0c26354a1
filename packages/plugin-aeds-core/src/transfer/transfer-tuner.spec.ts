import { CONTENT_CHUNK_BYTES, defaultScalingLimits } from '@datawarehouse/sdk';
import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { TransferTuner } from './transfer-tuner.js';

describe('TransferTuner', () => {
  it('starts with the smallest chunk', () => {
    const { chunkSizeBytes } = new TransferTuner(new ManualClock()).settings(defaultScalingLimits);
    expect(chunkSizeBytes).toBe(CONTENT_CHUNK_BYTES);
  });

  it('asks for what takes 100 ms, in whole chunks, up to 16 MiB', () => {
    const tuner = new TransferTuner(new ManualClock());
    tuner.record(10_000_000, 1000);
    expect(tuner.throughputBytesPerSec()).toBe(10_000_000);
    const { chunkSizeBytes } = tuner.settings(defaultScalingLimits);
    expect(chunkSizeBytes).toBe(15 * CONTENT_CHUNK_BYTES);
    tuner.record(100_000_000_000, 1000);
    expect(tuner.settings(defaultScalingLimits).chunkSizeBytes).toBe(16 * 1024 ** 2);
  });

  it('forgets what it measured half a minute ago, but not that it happened', () => {
    const clock = new ManualClock();
    const tuner = new TransferTuner(clock);
    tuner.record(10_000_000, 1000);
    clock.advance(30_001);
    expect(tuner.throughputBytesPerSec()).toBe(0);
    expect(tuner).toMatchObject({ chunksProcessed: 1, bytesProcessed: 10_000_000 });
  });

  it('stays within the limits', () => {
    const tuner = new TransferTuner(new ManualClock());
    const of = (changes: object): number =>
      tuner.settings({ ...defaultScalingLimits, ...changes }).maxConcurrentChunks;
    expect(of({ maxConcurrentOperations: 2 })).toBe(2);
    expect(of({ maxMemoryBytes: 3 * CONTENT_CHUNK_BYTES })).toBe(3);
    expect(of({ maxMemoryBytes: 1024 })).toBe(1);
  });
});
