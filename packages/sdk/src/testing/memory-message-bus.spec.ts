import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { topic } from '../messaging/topic.js';
import { ManualClock } from './manual-clock.js';
import { MemoryMessageBus } from './memory-message-bus.js';
import { messageBusConformance } from './message-bus-conformance.js';

const asked = topic('test.asked', z.number());

describe('MemoryMessageBus', () => {
  messageBusConformance({
    test: it,
    open: async () => new MemoryMessageBus({ onHandlerError: () => undefined }),
  });

  it('takes time from its clock', async () => {
    const clock = new ManualClock({ startMs: 42 });
    await using bus = new MemoryMessageBus({ clock });
    bus.respond(asked, ({ publishedAtMs }) => publishedAtMs);
    expect(await bus.request(asked, 1)).toBe(42);
    bus.respond(asked, () => new Promise(() => undefined));
    const request = bus.request(asked, 1);
    clock.advance(4999);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(1);
    await expect(request).rejects.toMatchObject({
      code: 'DW_BUS_TIMEOUT',
      details: { topic: 'test.asked', timeoutMs: 5000 },
    });
  });

  it('tells what a subscriber threw', async () => {
    const thrown = new Error('oh');
    const told = new Promise((resolve) => {
      const bus = new MemoryMessageBus({ onHandlerError: (...said) => resolve(said) });
      bus.subscribe(asked, () => Promise.reject(thrown), { name: 'named' });
      void bus.publish(asked, 1);
    });
    expect(await told).toEqual([thrown, 'named']);
  });

  it('leaves no timer behind an answer', async () => {
    const clock = new ManualClock();
    await using bus = new MemoryMessageBus({ clock });
    bus.respond(asked, ({ data }) => data);
    await bus.request(asked, 1);
    expect(clock.pendingTimers).toBe(0);
  });
});
