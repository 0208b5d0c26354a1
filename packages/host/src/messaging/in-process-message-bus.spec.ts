import { topic } from '@datawarehouse/sdk';
import { messageBusConformance } from '@datawarehouse/sdk/testing';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { InProcessMessageBus, type SubscriberFailure } from './in-process-message-bus.js';

const numbers = topic('dw.test.number.published', z.number());
const others = topic('dw.other.number.published', z.number());

/** A promise with its ends outside. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Lets everything that is ready run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('InProcessMessageBus', () => {
  messageBusConformance({ test: it, open: async () => new InProcessMessageBus() });

  it('hands each subscriber every message in order, one at a time', async () => {
    await using bus = new InProcessMessageBus();
    const seen: number[] = [];
    let running = 0;
    bus.subscribe(numbers, async ({ data }) => {
      running += 1;
      expect(running).toBe(1);
      await turn();
      seen.push(data);
      running -= 1;
    });
    const wanted = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(wanted.map((number) => bus.publish(numbers, number)));
    await vi.waitFor(() => expect(seen).toEqual(wanted));
  });

  it('keeps order where the subscriber empties a large queue', async () => {
    await using bus = new InProcessMessageBus();
    const seen: number[] = [];
    bus.subscribe(numbers, ({ data }) => void seen.push(data), { maxQueueDepth: 10_000 });
    for (let number = 0; number < 10_000; number += 1) void bus.publish(numbers, number);
    await vi.waitFor(() => expect(seen).toHaveLength(10_000));
    expect(seen.every((number, index) => number === index)).toBe(true);
  });

  it('matches patterns', async () => {
    await using bus = new InProcessMessageBus();
    const seen: string[] = [];
    bus.subscribe('dw.*.number.published', ({ topic: name }) => void seen.push(`* ${name}`));
    bus.subscribe('dw.other.>', ({ topic: name }) => void seen.push(`> ${name}`));
    await bus.publish(numbers, 1);
    await bus.publish(others, 1);
    await turn();
    expect(seen).toEqual([
      '* dw.test.number.published',
      '* dw.other.number.published',
      '> dw.other.number.published',
    ]);
    expect(() => bus.subscribe('dw..>', () => undefined)).toThrow(
      expect.objectContaining({ code: 'DW_BUS_INVALID_TOPIC' }),
    );
  });

  it('reports a handler that throws, and goes on with it and with the others', async () => {
    const failures: SubscriberFailure[] = [];
    await using bus = new InProcessMessageBus({ onDidFail: (failure) => failures.push(failure) });
    const seen: number[] = [];
    const error = new Error('no');
    bus.subscribe(
      numbers,
      () => {
        throw error;
      },
      { name: 'bad' },
    );
    bus.subscribe(numbers, ({ data }) => void seen.push(data), { name: 'good' });
    await bus.publish(numbers, 1);
    await bus.publish(numbers, 2);
    await turn();
    expect(seen).toEqual([1, 2]);
    const failure = { subscriber: 'bad', topic: numbers.name, reason: 'threw', error };
    expect(failures).toEqual([failure, failure]);
    expect(bus.statistics()).toMatchObject([
      { name: 'bad', handledCount: 2, failedCount: 2 },
      { name: 'good', handledCount: 2, failedCount: 0 },
    ]);
  });

  it('reports a handler that hangs once, and serves the others', async () => {
    const failures: SubscriberFailure[] = [];
    await using bus = new InProcessMessageBus({
      slowHandlerMs: 10,
      onDidFail: (failure) => failures.push(failure),
    });
    const seen: number[] = [];
    bus.subscribe(numbers, () => new Promise<void>(() => undefined), { name: 'hangs' });
    bus.subscribe(numbers, ({ data }) => void seen.push(data));
    await bus.publish(numbers, 1);
    await bus.publish(numbers, 2);
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    expect(failures).toEqual([{ subscriber: 'hangs', topic: numbers.name, reason: 'slow' }]);
    expect(seen).toEqual([1, 2]);
  });

  it('makes publishers wait for a full subscriber, in order', async () => {
    await using bus = new InProcessMessageBus();
    const { passed, open } = gate();
    const seen: number[] = [];
    bus.subscribe(
      numbers,
      async ({ data }) => {
        await passed;
        seen.push(data);
      },
      { maxQueueDepth: 2 },
    );
    const done: number[] = [];
    const publishes = [0, 1, 2, 3, 4].map(async (number) => {
      await bus.publish(numbers, number);
      done.push(number);
    });
    await turn();
    expect(done).toEqual([0, 1, 2]);
    open();
    await Promise.all(publishes);
    await turn();
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  it('ends the wait of an aborted publication, and keeps it from the full subscriber only', async () => {
    await using bus = new InProcessMessageBus();
    const { passed, open } = gate();
    const full: number[] = [];
    const free: number[] = [];
    bus.subscribe(
      numbers,
      async ({ data }) => {
        await passed;
        full.push(data);
      },
      { maxQueueDepth: 1 },
    );
    bus.subscribe(numbers, ({ data }) => void free.push(data));
    await bus.publish(numbers, 0);
    await turn();
    await bus.publish(numbers, 1);
    const aborter = new AbortController();
    const waiting = bus.publish(numbers, 2, { signal: aborter.signal });
    aborter.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    open();
    await turn();
    expect(full).toEqual([0, 1]);
    expect(free).toEqual([0, 1, 2]);
  });

  it('sheds and counts where the subscriber wants that', async () => {
    await using bus = new InProcessMessageBus();
    const { passed, open } = gate();
    bus.subscribe(numbers, () => passed, { maxQueueDepth: 1, whenFull: 'shedLoad' });
    for (const number of [0, 1, 2, 3]) await bus.publish(numbers, number);
    open();
    await turn();
    const [statistics] = bus.statistics();
    expect(statistics).toMatchObject({ queueDepth: 0, failedCount: 0 });
    expect((statistics?.shedCount ?? 0) + (statistics?.handledCount ?? 0)).toBe(4);
    expect(statistics?.shedCount).toBeGreaterThan(0);
  });

  it('drops what waits when a subscriber is disposed, and frees the publishers', async () => {
    await using bus = new InProcessMessageBus();
    const seen: number[] = [];
    const { passed, open } = gate();
    const subscription = bus.subscribe(
      numbers,
      async ({ data }) => {
        seen.push(data);
        await passed;
      },
      { maxQueueDepth: 1 },
    );
    await bus.publish(numbers, 0);
    await turn();
    await bus.publish(numbers, 1);
    const waiting = bus.publish(numbers, 2);
    subscription[Symbol.dispose]();
    await waiting;
    open();
    await bus.publish(numbers, 3);
    await turn();
    expect(seen).toEqual([0]);
    expect(bus.statistics()).toEqual([]);
  });

  it('asks the latest responder, and passes on what it throws', async () => {
    await using bus = new InProcessMessageBus();
    bus.respond(numbers, () => 'earlier');
    const later = bus.respond(numbers, ({ data }) => {
      if (data === 0) throw new RangeError('zero');
      return data * 2;
    });
    expect(await bus.request(numbers, 21)).toBe(42);
    await expect(bus.request(numbers, 0)).rejects.toThrow(RangeError);
    later[Symbol.dispose]();
    await expect(bus.request(numbers, 1)).rejects.toMatchObject({ code: 'DW_BUS_NO_RESPONDER' });
  });

  it('names who did not answer in time', async () => {
    await using bus = new InProcessMessageBus();
    bus.respond(numbers, () => new Promise(() => undefined), { name: 'sleeper' });
    await expect(bus.request(numbers, 1, { timeoutMs: 5 })).rejects.toMatchObject({
      code: 'DW_BUS_TIMEOUT',
      details: { silent: ['sleeper'], timeoutMs: 5 },
    });
    const aborter = new AbortController();
    const aborted = bus.request(numbers, 1, { signal: aborter.signal });
    aborter.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
  });

  it('rejects what waits when it closes, and everything after', async () => {
    const bus = new InProcessMessageBus();
    const closed = { code: 'DW_BUS_CLOSED' };
    bus.subscribe(numbers, () => new Promise<void>(() => undefined), { maxQueueDepth: 1 });
    bus.respond(numbers, () => new Promise(() => undefined));
    await bus.publish(numbers, 0);
    await turn();
    await bus.publish(numbers, 1);
    const waiting = [bus.publish(numbers, 2), bus.request(numbers, 1)];
    await Promise.all([
      ...waiting.map((wait) => expect(wait).rejects.toMatchObject(closed)),
      bus.close(),
    ]);
    await bus.close();
    await expect(bus.publish(numbers, 1)).rejects.toMatchObject(closed);
    expect(() => bus.subscribe(numbers, () => undefined)).toThrow(expect.objectContaining(closed));
  });

  it('refuses nonsense', async () => {
    await using bus = new InProcessMessageBus();
    expect(() => bus.subscribe(numbers, () => undefined, { maxQueueDepth: 0 })).toThrow(TypeError);
    await expect(bus.request(numbers, 1, { timeoutMs: 0 })).rejects.toThrow(TypeError);
  });
});
