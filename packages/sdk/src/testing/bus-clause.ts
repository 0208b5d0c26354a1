import assert from 'node:assert/strict';
import { z } from 'zod';
import type { IMessageBus, SubscriptionStatistics } from '../messaging/message-bus.js';
import { type Topic, topic } from '../messaging/topic.js';

/** A bus as a suite gets it: it must be possible to close it. */
export type ClosableMessageBus = IMessageBus & AsyncDisposable;

/** What a clause may use beside the bus. */
export interface BusClauseTools {
  /** Resolves as soon as the condition holds, and rejects where it does not in time. */
  readonly until: (condition: () => boolean) => Promise<void>;
}

/** Clauses of the bus's contract by what they say. */
export type BusClauses = Readonly<
  Record<string, (bus: ClosableMessageBus, tools: BusClauseTools) => Promise<void>>
>;

/** Topics of the tests. */
export const numbers: Topic<number> = topic('dw.test.number.sent', z.number());
export const others: Topic<number> = topic('dw.test.other.sent', z.number());
export const deeper: Topic<number> = topic('dw.test.number.sent.twice', z.number());
export const questions: Topic<string> = topic('dw.test.question.asked', z.string());

/** Lets everything go on that waits for nothing but its turn. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

/** Makes the condition watcher of a clause. */
export function watcher(timeLimitMs: number): BusClauseTools['until'] {
  return async (condition) => {
    const endMs = performance.now() + timeLimitMs;
    while (!condition()) {
      assert.ok(performance.now() < endMs, `${String(condition)} does not come true`);
      await turns(1);
    }
  };
}

/** Something to wait for, opened by hand. */
export interface Barrier {
  readonly passed: Promise<void>;
  readonly open: () => void;
}

/** Makes a closed {@link Barrier}. */
export function barrier(): Barrier {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** A subscriber that takes one message, and no other until it is let go. */
export interface HeldSubscriber extends Disposable {
  readonly received: readonly number[];
  readonly letGo: () => void;
}

/** Subscribes with a handler that holds its first message, and waits until it does. */
export async function holdSubscriber(
  bus: IMessageBus,
  { until }: BusClauseTools,
  options: { readonly maxQueueDepth: number; readonly whenFull?: 'blockProducer' | 'shedLoad' },
): Promise<HeldSubscriber> {
  const received: number[] = [];
  const held = barrier();
  const subscription = bus.subscribe(
    numbers,
    async ({ data }) => {
      received.push(data);
      await held.passed;
    },
    { name: 'held', ...options },
  );
  await bus.publish(numbers, 0);
  await until(() => received.length === 1);
  return {
    received,
    letGo: held.open,
    [Symbol.dispose]: () => {
      subscription[Symbol.dispose]();
      held.open();
    },
  };
}

/** Lets a call run while the clause goes on; its failure is reported where it is waited for. */
export function begun<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined);
  return call;
}

/** Watches whether a promise has settled, and how. */
export function watch(promise: Promise<unknown>): { state: 'waits' | 'done' | 'failed' } {
  const watched: { state: 'waits' | 'done' | 'failed' } = { state: 'waits' };
  promise.then(
    () => (watched.state = 'done'),
    () => (watched.state = 'failed'),
  );
  return watched;
}

/** Statistics of the subscription with a name. */
export function statisticsOf(bus: IMessageBus, name: string): SubscriptionStatistics {
  const found = bus.statistics().filter((subscription) => subscription.name === name);
  assert.equal(found.length, 1, `statistics of ${found.length} subscriptions are named ${name}`);
  return found[0] as SubscriptionStatistics;
}
