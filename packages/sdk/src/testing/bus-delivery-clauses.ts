import assert from 'node:assert/strict';
import type { Message } from '../messaging/message-bus.js';
import {
  type BusClauses,
  deeper,
  holdSubscriber,
  numbers,
  others,
  turns,
  watch,
} from './bus-clause.js';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** Whom messages reach, and in what order. */
export const deliveryClauses: BusClauses = {
  'publish() reaches every subscriber of the topic, and nobody else': async (bus, { until }) => {
    const received: string[] = [];
    bus.subscribe(numbers, ({ data }) => void received.push(`first ${data}`));
    bus.subscribe(numbers, ({ data }) => void received.push(`second ${data}`));
    bus.subscribe(others, ({ data }) => void received.push(`other ${data}`));
    await bus.publish(numbers, 1);
    await until(() => received.length >= 2);
    await turns();
    assert.deepEqual(received.sort(), ['first 1', 'second 1']);
  },

  'publish() without a subscriber is not an error': async (bus) => {
    await bus.publish(numbers, 1);
  },

  'a message carries its topic, its data and its time': async (bus, { until }) => {
    const received: Message<number>[] = [];
    bus.subscribe(numbers, (message) => void received.push(message));
    await bus.publish(numbers, 7);
    await until(() => received.length === 1);
    const [message] = received;
    assert.equal(message?.topic, numbers.name);
    assert.equal(message.data, 7);
    assert.ok(Number.isFinite(message.publishedAtMs));
  },

  'a subscriber gets messages in the order of publication': async (bus, { until }) => {
    const received: number[] = [];
    bus.subscribe(numbers, async ({ data }) => {
      await turns(data % 3);
      received.push(data);
    });
    await Promise.all(upTo(100).map((data) => bus.publish(numbers, data)));
    await until(() => received.length === 100);
    assert.deepEqual(received, upTo(100));
  },

  'a subscriber gets one message at a time': async (bus, { until }) => {
    let running = 0;
    let most = 0;
    let doneCount = 0;
    bus.subscribe(numbers, async () => {
      running += 1;
      most = Math.max(most, running);
      await turns(2);
      running -= 1;
      doneCount += 1;
    });
    await Promise.all(upTo(10).map((data) => bus.publish(numbers, data)));
    await until(() => doneCount === 10);
    assert.equal(most, 1);
  },

  'publish() does not wait for handlers': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 10 });
    await bus.publish(numbers, 1);
    assert.deepEqual(subscriber.received, [0]);
  },

  'a handler that throws affects neither others nor its next message': async (bus, { until }) => {
    const received: string[] = [];
    bus.subscribe(numbers, ({ data }) => {
      received.push(`throws ${data}`);
      throw new Error('A handler of the conformance suite throws');
    });
    bus.subscribe(numbers, async ({ data }) => {
      received.push(`rejects ${data}`);
      await turns(1);
      throw new Error('A handler of the conformance suite rejects');
    });
    bus.subscribe(numbers, ({ data }) => void received.push(`works ${data}`));
    for (const data of [1, 2]) await bus.publish(numbers, data);
    await until(() => received.length === 6);
    for (const name of ['throws', 'rejects', 'works']) {
      const own = received.filter((each) => each.startsWith(name));
      assert.deepEqual(own, [`${name} 1`, `${name} 2`]);
    }
  },

  'a handler that hangs affects no other': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 100 });
    const received: number[] = [];
    bus.subscribe(numbers, ({ data }) => void received.push(data));
    for (const data of upTo(50)) await bus.publish(numbers, data);
    await tools.until(() => received.length === 50);
    assert.deepEqual(subscriber.received, [0]);
  },

  'a handler may publish and subscribe': async (bus, { until }) => {
    const received: number[] = [];
    bus.subscribe(numbers, async ({ data }) => {
      if (data > 2) return;
      if (data === 1) bus.subscribe(others, (message) => void received.push(message.data));
      await bus.publish(others, data + 10);
      await bus.publish(numbers, data + 1);
    });
    await bus.publish(numbers, 1);
    await until(() => received.length === 2);
    assert.deepEqual(received, [11, 12]);
  },
};

/** Patterns, and the end of subscriptions. */
export const subscriptionClauses: BusClauses = {
  '* in a pattern stands for one name': async (bus, { until }) => {
    const received: string[] = [];
    bus.subscribe(
      'dw.test.*.sent',
      ({ topic, data }) => void received.push(`${topic} ${String(data)}`),
    );
    bus.subscribe('dw.test.number.sent', ({ data }) => void received.push(`exact ${String(data)}`));
    for (const [index, to] of [numbers, others, deeper].entries()) await bus.publish(to, index);
    await until(() => received.length >= 3);
    await turns();
    assert.deepEqual(received.sort(), ['dw.test.number.sent 0', 'dw.test.other.sent 1', 'exact 0']);
  },

  '> at the end of a pattern stands for one name or more': async (bus, { until }) => {
    const received: number[] = [];
    bus.subscribe('dw.test.number.>', ({ data }) => void received.push(data as number));
    bus.subscribe('dw.test.number.sent.>', ({ data }) => void received.push((data as number) + 10));
    for (const [index, to] of [numbers, others, deeper].entries()) await bus.publish(to, index);
    await until(() => received.length >= 3);
    await turns();
    assert.deepEqual(received.sort(), [0, 12, 2]);
  },

  'a pattern gets messages of all its topics in the order of publication': async (bus, tools) => {
    const received: number[] = [];
    bus.subscribe('dw.>', async ({ data }) => {
      await turns((data as number) % 3);
      received.push(data as number);
    });
    const to = [numbers, others, deeper];
    await Promise.all(upTo(30).map((data) => bus.publish(to[data % 3] ?? numbers, data)));
    await tools.until(() => received.length === 30);
    assert.deepEqual(received, upTo(30));
  },

  'a malformed pattern is refused': async (bus) => {
    for (const pattern of [
      '',
      '.',
      'a..b',
      'dw.>.x',
      'dw.te*t',
      'DW.test',
      'dw test',
      '>.x',
      'a.',
    ]) {
      const subscribe = () => bus.subscribe(pattern, () => undefined);
      assert.throws(subscribe, { code: 'DW_BUS_INVALID_TOPIC' }, `${pattern} is accepted`);
    }
  },

  'disposing unsubscribes at once, and drops what waits': async (bus, tools) => {
    const subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 10 });
    const received: number[] = [];
    bus.subscribe(numbers, ({ data }) => void received.push(data));
    for (const data of [1, 2]) await bus.publish(numbers, data);
    subscriber[Symbol.dispose]();
    subscriber[Symbol.dispose]();
    await bus.publish(numbers, 3);
    await tools.until(() => received.length === 3);
    await turns();
    assert.deepEqual(subscriber.received, [0], 'an unsubscribed handler is called');
    assert.deepEqual(received, [1, 2, 3], 'another subscriber was unsubscribed');
  },

  'a handler may unsubscribe itself': async (bus, { until }) => {
    const received: string[] = [];
    const subscription = bus.subscribe(numbers, ({ data }) => {
      received.push(`once ${data}`);
      subscription[Symbol.dispose]();
    });
    bus.subscribe(numbers, ({ data }) => void received.push(`always ${data}`));
    for (const data of [1, 2]) await bus.publish(numbers, data);
    await until(() => received.length >= 3);
    await turns();
    assert.deepEqual(received.sort(), ['always 1', 'always 2', 'once 1']);
  },

  'disposing a full subscription lets its publishers go': async (bus, tools) => {
    const subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 1 });
    await bus.publish(numbers, 1);
    const publishing = watch(bus.publish(numbers, 2));
    await turns();
    assert.equal(publishing.state, 'waits');
    subscriber[Symbol.dispose]();
    await tools.until(() => publishing.state === 'done');
    assert.deepEqual(subscriber.received, [0]);
  },
};
