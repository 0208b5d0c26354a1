import { setTimeout as wait } from 'node:timers/promises';
import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { EventLoopLag } from './event-loop-lag.js';

/** Holds up the event loop. */
function block(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

describe('EventLoopLag', () => {
  it('tells how late timers fire, until two windows have passed', async () => {
    const clock = new ManualClock();
    using lag = new EventLoopLag(clock);
    await wait(30);
    block(150);
    await expect.poll(() => lag.p99Ms).toBeGreaterThan(50);
    clock.advance(60_000);
    expect(lag.p99Ms).toBeGreaterThan(50);
    clock.advance(60_000);
    expect(lag.p99Ms).toBeLessThan(50);
  });

  it('lets go of its timer', () => {
    const clock = new ManualClock();
    new EventLoopLag(clock)[Symbol.dispose]();
    expect(clock.pendingTimers).toBe(0);
  });
});
