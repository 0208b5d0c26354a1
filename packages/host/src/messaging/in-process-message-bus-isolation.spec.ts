import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { topic } from '@datawarehouse/sdk';
import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { InProcessMessageBus, type SubscriberFailure } from './in-process-message-bus.js';

const numbers = topic('dw.test.number.published', z.number());
const others = topic('dw.other.number.published', z.number());
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = new Promise<void>(() => undefined);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('subscribers of an InProcessMessageBus', () => {
  it('show since when a stuck handler has been at its message, and that its queue is full', async () => {
    const clock = new ManualClock();
    const failures: SubscriberFailure[] = [];
    await using bus = new InProcessMessageBus({
      clock,
      slowHandlerMs: 100,
      onDidFail: (failure) => failures.push(failure),
    });
    const seen: number[] = [];
    bus.subscribe(numbers, () => never, { name: 'stuck', maxQueueDepth: 2 });
    bus.subscribe(numbers, ({ data }) => void seen.push(data), { name: 'works' });
    const startedMs = clock.now();
    await bus.publish(numbers, 1);
    await turn();
    clock.advance(5000);
    for (const number of [2, 3]) await bus.publish(numbers, number);
    const waiting = bus.publish(numbers, 4);
    waiting.catch(() => undefined);
    await turn();
    const idle = { state: 'normal', waitingCount: 0, busySinceMs: undefined };
    expect(bus.statistics()).toMatchObject([
      { name: 'stuck', state: 'shedding', waitingCount: 1, busySinceMs: startedMs },
      { name: 'works', handledCount: 4, ...idle },
    ]);
    expect(failures).toEqual([{ subscriber: 'stuck', topic: numbers.name, reason: 'slow' }]);
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('leave nothing behind', async () => {
    await using bus = new InProcessMessageBus();
    const comeAndGo = async (to: string): Promise<WeakRef<object>> => {
      const handler = (): void => undefined;
      const subscription = bus.subscribe(to, handler);
      await bus.publish(numbers, 1);
      subscription[Symbol.dispose]();
      return new WeakRef(handler);
    };
    const references: WeakRef<object>[] = [];
    for (const to of ['dw.>', 'dw.*.number.published', numbers.name]) {
      references.push(await comeAndGo(to));
    }
    await vi.waitFor(() => {
      collectGarbage();
      expect(references.filter((reference) => reference.deref() !== undefined)).toEqual([]);
    });
  });

  it('get what is published right after they came, and nothing after they left', async () => {
    await using bus = new InProcessMessageBus();
    const seen: string[] = [];
    const listen = (to: string) =>
      bus.subscribe(to, ({ data }) => void seen.push(`${to} ${String(data)}`));
    await bus.publish(numbers, 0);
    const exact = listen(numbers.name);
    await bus.publish(numbers, 1);
    const pattern = listen('dw.test.>');
    await bus.publish(numbers, 2);
    exact[Symbol.dispose]();
    await bus.publish(numbers, 3);
    pattern[Symbol.dispose]();
    await bus.publish(numbers, 4);
    await turn();
    expect(seen).toEqual([`${numbers.name} 1`, `${numbers.name} 2`, 'dw.test.> 2', 'dw.test.> 3']);
  });

  it('get the messages of several topics in order, and no more than they have room for', async () => {
    await using bus = new InProcessMessageBus();
    const seen: string[] = [];
    const hear = ({ data, topic: name }: { readonly data: unknown; readonly topic: string }) =>
      void seen.push(`${name.split('.')[1] ?? ''} ${String(data)}`);
    bus.subscribe('dw.*.number.published', hear, { name: 'both', maxQueueDepth: 3 });
    bus.subscribe(numbers, hear, { name: 'sheds', maxQueueDepth: 1, whenFull: 'shedLoad' });
    const published: Promise<void>[] = [];
    for (const number of [1, 2, 3]) {
      published.push(bus.publish(numbers, number), bus.publish(others, number));
    }
    expect(bus.statistics()).toMatchObject([
      { name: 'both', queueDepth: 3, waitingCount: 3 },
      { name: 'sheds', queueDepth: 1, shedCount: 2 },
    ]);
    await Promise.all(published);
    await turn();
    const both = ['test 1', 'other 1', 'test 2', 'other 2', 'test 3', 'other 3'];
    expect(seen.toSorted()).toEqual([...both, 'test 1'].toSorted());
    seen.splice(seen.lastIndexOf('test 1'), 1);
    expect(seen).toEqual(both);
    expect(bus.statistics()).toMatchObject([{ handledCount: 6 }, { handledCount: 1 }]);
  });

  it('get a message in the order in which they came', async () => {
    await using bus = new InProcessMessageBus();
    const seen: string[] = [];
    const patterns = [
      'dw.*.number.published',
      numbers.name,
      '>',
      'dw.>',
      numbers.name,
      'dw.test.>',
    ];
    for (const [index, to] of patterns.entries()) {
      bus.subscribe(to, () => void seen.push(`${index} ${to}`));
    }
    await bus.publish(numbers, 1);
    await turn();
    expect(seen).toEqual(patterns.map((to, index) => `${index} ${to}`));
  });

  it('get messages of more topics than the bus remembers ways for', async () => {
    await using bus = new InProcessMessageBus();
    let count = 0;
    bus.subscribe('dw.many.*', () => void (count += 1), { maxQueueDepth: 10_000 });
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 3000; index += 1) {
        await bus.publish(topic(`dw.many.topic-${index}`, z.number()), index);
      }
    }
    await turn();
    expect(count).toBe(6000);
  });

  it('that publish to one another for ever keep nobody else from work', async () => {
    await using bus = new InProcessMessageBus();
    let isRunning = true;
    bus.subscribe(numbers, () => void (isRunning && bus.publish(others, 1)));
    bus.subscribe(others, () => void (isRunning && bus.publish(numbers, 1)));
    await bus.publish(numbers, 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    isRunning = false;
    expect(bus.statistics().every(({ handledCount }) => handledCount > 10)).toBe(true);
  });
});
