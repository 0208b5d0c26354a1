import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { Backoff } from './backoff.js';

const longest = { firstMs: 50, maxMs: 1_000, random: () => 1 };

describe('Backoff', () => {
  it('doubles the longest wait up to its limit, and begins anew after a success', () => {
    const backoff = new Backoff(longest);
    expect(Array.from({ length: 7 }, () => backoff.next())).toEqual([
      50, 100, 200, 400, 800, 1_000, 1_000,
    ]);
    backoff.reset();
    expect(backoff.next()).toBe(50);
  });

  it('waits any share of the longest, from nothing to all of it', () => {
    const shares = [0, 0.001, 0.5, 0.999];
    const backoff = new Backoff({ firstMs: 100, maxMs: 100, random: () => shares.shift() ?? 1 });
    expect(Array.from({ length: 5 }, () => backoff.next())).toEqual([0, 1, 50, 100, 100]);
  });

  it('stays within its limit after any number of failures', () => {
    const backoff = new Backoff({ firstMs: 1, maxMs: Number.MAX_SAFE_INTEGER, random: () => 1 });
    for (let count = 0; count < 5_000; count += 1) backoff.next();
    expect(backoff.next()).toBe(2 ** 30);
  });

  it('is spread over the whole range by itself', () => {
    const backoff = new Backoff({ firstMs: 1_000, maxMs: 1_000 });
    const waits = Array.from({ length: 1_000 }, () => backoff.next());
    expect(Math.min(...waits)).toBeLessThan(100);
    expect(Math.max(...waits)).toBeGreaterThan(900);
    expect(waits.every((waitMs) => waitMs >= 0 && waitMs <= 1_000)).toBe(true);
  });

  it('waits on the clock it is given, until aborted', async () => {
    const clock = new ManualClock();
    const backoff = new Backoff({ ...longest, clock });
    let isDone = false;
    const waiting = backoff.wait().then(() => {
      isDone = true;
    });
    await clock.elapse(49);
    expect(isDone).toBe(false);
    await clock.elapse(1);
    await waiting;
    const stop = new AbortController();
    const aborted = backoff.wait({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect(clock.pendingTimers).toBe(0);
  });
});
