import { describe, expect, it } from 'vitest';
import { peakMemoryBytes } from './peak-memory.js';

describe('peakMemoryBytes', () => {
  it.runIf(process.platform === 'linux')('tells the peak of a process', async () => {
    expect(await peakMemoryBytes(process.pid)).toBeGreaterThan(10 * 1024 * 1024);
  });

  it('tells nothing about a process that is not there', async () => {
    expect(await peakMemoryBytes(2 ** 30)).toBeUndefined();
  });
});
