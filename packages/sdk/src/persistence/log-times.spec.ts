import { describe, expect, it } from 'vitest';
import { LogTimes } from './log-times.js';

describe('LogTimes', () => {
  it('knows nothing of an empty log', () => {
    expect(new LogTimes().at(1)).toBeUndefined();
  });

  it('answers with the last sample at or before a sequence', () => {
    const times = new LogTimes();
    times.add(1, 100, 0);
    times.add(10, 200, 1000);
    expect([times.at(1), times.at(9), times.at(10), times.at(99)]).toEqual([100, 100, 200, 200]);
  });

  it('stays within its bound, and is never late', () => {
    const times = new LogTimes();
    for (let sequence = 1; sequence <= 100_000; sequence += 1) {
      times.add(sequence, sequence * 10, sequence * 100);
    }
    for (const sequence of [1, 500, 50_000, 99_999]) {
      const atMs = times.at(sequence) ?? 0;
      expect(atMs).toBeLessThanOrEqual(sequence * 10);
      expect(atMs).toBeGreaterThan(sequence * 10 - 5_000);
      expect(times.startBytes(sequence)).toBe(atMs * 10);
    }
  });

  it('still knows about the tail when what lies before it is forgotten', () => {
    const times = new LogTimes();
    times.add(1, 100, 0);
    times.add(5, 200, 1000);
    times.add(9, 300, 2000);
    times.forget(7);
    expect([times.at(7), times.at(9)]).toEqual([200, 300]);
    expect([times.startBytes(7), times.startBytes(9)]).toEqual([1_000, 2_000]);
  });
});
