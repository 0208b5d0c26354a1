import { describe, expect, it } from 'vitest';
import { delay } from '../plugin/clock.js';
import { ManualClock } from './manual-clock.js';

describe('ManualClock', () => {
  it('stands still until it is moved', () => {
    const clock = new ManualClock({ startMs: 1000 });
    expect([clock.now(), clock.monotonicMs()]).toEqual([1000, 0]);
    clock.advance(250.5);
    expect([clock.now(), clock.monotonicMs()]).toEqual([1250.5, 250.5]);
  });

  it('runs timers in order of time, each at its own moment', () => {
    const clock = new ManualClock({ startMs: 0 });
    const ran: string[] = [];
    for (const ms of [30, 10, 20, 10]) clock.setTimeout(() => ran.push(`${ms}@${clock.now()}`), ms);
    clock.advance(20);
    expect(ran).toEqual(['10@10', '10@10', '20@20']);
    clock.advance(1000);
    expect(ran.at(-1)).toBe('30@30');
    expect(clock.now()).toBe(1020);
  });

  it('runs timers that timers set, where they fall due', () => {
    const clock = new ManualClock({ startMs: 0 });
    const ranAtMs: number[] = [];
    const again = (): void => {
      ranAtMs.push(clock.now());
      clock.setTimeout(again, 10);
    };
    clock.setTimeout(again, 10);
    clock.advance(35);
    expect(ranAtMs).toEqual([10, 20, 30]);
    expect(clock.pendingTimers).toBe(1);
  });

  it('does not run a timer inside the call that sets it', () => {
    const clock = new ManualClock();
    let count = 0;
    clock.setTimeout(() => (count += 1), 0);
    clock.setTimeout(() => (count += 1), -5);
    expect(count).toBe(0);
    clock.advance(0);
    expect(count).toBe(2);
  });

  it('forgets a disposed timer', () => {
    const clock = new ManualClock();
    let hasRun = false;
    const timer = clock.setTimeout(() => (hasRun = true), 10);
    timer[Symbol.dispose]();
    timer[Symbol.dispose]();
    expect(clock.pendingTimers).toBe(0);
    clock.advance(100);
    expect(hasRun).toBe(false);
  });

  it('lets loops that wait on it go on while time elapses', async () => {
    const clock = new ManualClock({ startMs: 0 });
    const stop = new AbortController();
    const ranAtMs: number[] = [];
    const loop = (async () => {
      for (;;) {
        await delay(10, { clock, signal: stop.signal });
        ranAtMs.push(clock.now());
      }
    })();
    await clock.elapse(35);
    expect(ranAtMs).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(35);
    stop.abort(new Error('enough'));
    await expect(loop).rejects.toThrow('enough');
  });

  it('does not go back', async () => {
    const clock = new ManualClock();
    expect(() => clock.advance(-1)).toThrow(TypeError);
    expect(() => clock.advance(Number.NaN)).toThrow(TypeError);
    await expect(clock.elapse(-1)).rejects.toThrow(TypeError);
  });
});
