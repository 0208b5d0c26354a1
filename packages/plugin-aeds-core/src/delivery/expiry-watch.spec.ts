import { type Clock, silentLogger } from '@datawarehouse/sdk';
import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it, vi } from 'vitest';
import { ExpiryWatch, expiryOperation } from './expiry-watch.js';

describe('ExpiryWatch', () => {
  it('calls for each job at its time, and for those that ended while nobody ran', async () => {
    const store = new MemoryBackingStore();
    const clock = new ManualClock();
    const now = clock.now();
    const ended: string[] = [];
    const expire = async (jobId: string): Promise<void> => void ended.push(jobId);
    await store.batch([
      expiryOperation('late', now - 5),
      expiryOperation('soon', now + 1000),
      expiryOperation('far', now + 3_000_000_000),
    ]);
    const watch = new ExpiryWatch({ store, expire, clock, logger: silentLogger });
    await watch.wake();
    expect(ended).toEqual(['late']);
    await store.batch([expiryOperation('sooner', now + 500)]);
    await watch.wake();
    clock.advance(500);
    await vi.waitFor(() => {
      expect(ended).toEqual(['late', 'sooner']);
    });
    clock.advance(500);
    await vi.waitFor(() => {
      expect(ended).toEqual(['late', 'sooner', 'soon']);
    });
    clock.advance(3_000_000_000);
    await vi.waitFor(() => {
      expect(ended.at(-1)).toBe('far');
    });
    await watch[Symbol.asyncDispose]();
    expect(clock.pendingTimers).toBe(0);
  });

  it('notices within a minute that the clock was set', async () => {
    const store = new MemoryBackingStore();
    const timers = new ManualClock();
    let aheadMs = 0;
    const clock: Clock = {
      now: () => timers.now() + aheadMs,
      monotonicMs: () => timers.monotonicMs(),
      setTimeout: (callback, delayMs) => timers.setTimeout(callback, delayMs),
    };
    const expire = vi.fn().mockResolvedValue(undefined);
    await store.batch([expiryOperation('job', clock.now() + 86_400_000)]);
    const watch = new ExpiryWatch({ store, expire, clock, logger: silentLogger });
    await watch.wake();
    aheadMs = 86_400_000;
    timers.advance(60_000);
    await vi.waitFor(() => {
      expect(expire).toHaveBeenCalledWith('job');
    });
    await watch[Symbol.asyncDispose]();
  });

  it('tries again where it failed', async () => {
    const store = new MemoryBackingStore();
    const clock = new ManualClock();
    const expire = vi.fn().mockRejectedValueOnce(new Error('away')).mockResolvedValue(undefined);
    await store.batch([expiryOperation('job', clock.now())]);
    const watch = new ExpiryWatch({ store, expire, clock, logger: silentLogger });
    await watch.wake();
    clock.advance(30_000);
    await vi.waitFor(() => {
      expect(expire).toHaveBeenCalledTimes(2);
    });
    await watch[Symbol.asyncDispose]();
  });
});
