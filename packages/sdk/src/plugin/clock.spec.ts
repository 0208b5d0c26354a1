import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { delay, systemClock } from './clock.js';

describe('delay', () => {
  it('waits on the clock it is given', async () => {
    const clock = new ManualClock();
    let isDone = false;
    const waiting = delay(100, { clock }).then(() => {
      isDone = true;
    });
    await clock.elapse(99);
    expect(isDone).toBe(false);
    clock.advance(1);
    await waiting;
    expect(isDone).toBe(true);
  });

  it('rejects with the reason of an abort, and leaves no timer', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = delay(100, { clock, signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(clock.pendingTimers).toBe(0);
    await expect(delay(100, { clock, signal: controller.signal })).rejects.toBe(reason);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('systemClock', () => {
  it('moves forward', async () => {
    const wall = systemClock.now();
    const monotonic = systemClock.monotonicMs();
    await delay(5);
    expect(systemClock.monotonicMs() - monotonic).toBeGreaterThanOrEqual(4);
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
    expect(wall).toBeGreaterThan(Date.UTC(2024, 0, 1));
  });

  it('calls nothing that was disposed', async () => {
    let calls = 0;
    const timer = systemClock.setTimeout(() => {
      calls += 1;
    }, 1);
    timer[Symbol.dispose]();
    await delay(10);
    expect(calls).toBe(0);
  });
});
