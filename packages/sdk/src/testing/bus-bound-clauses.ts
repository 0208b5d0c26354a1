import assert from 'node:assert/strict';
import {
  type BusClauses,
  barrier,
  begun,
  holdSubscriber,
  numbers,
  turns,
  watch,
} from './bus-clause.js';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

/** What a full queue does. */
export const boundClauses: BusClauses = {
  'publish() waits while a queue is full, and no longer': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 2 });
    for (const data of [1, 2]) await bus.publish(numbers, data);
    const publishing = watch(bus.publish(numbers, 3));
    await turns();
    assert.equal(publishing.state, 'waits', 'a full queue takes more');
    subscriber.letGo();
    await tools.until(() => publishing.state === 'done' && subscriber.received.length === 4);
    assert.deepEqual(subscriber.received, [0, 1, 2, 3]);
  },

  'publishers that wait keep their order': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 1 });
    const publishing = begun(Promise.all(upTo(20).map((data) => bus.publish(numbers, data + 1))));
    await turns();
    subscriber.letGo();
    await publishing;
    await tools.until(() => subscriber.received.length === 21);
    assert.deepEqual(subscriber.received, upTo(21));
  },

  'a full subscriber keeps no message from others': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 1 });
    const received: number[] = [];
    bus.subscribe(numbers, ({ data }) => void received.push(data));
    const publishing = begun(Promise.all([1, 2, 3].map((data) => bus.publish(numbers, data))));
    await tools.until(() => received.length === 3);
    assert.deepEqual(received, [1, 2, 3]);
    subscriber.letGo();
    await publishing;
  },

  'an aborted publish() stops waiting, and only the full subscriber goes without': async (
    bus,
    tools,
  ) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 1 });
    const received: number[] = [];
    bus.subscribe(numbers, ({ data }) => void received.push(data));
    await bus.publish(numbers, 1);
    const aborting = new AbortController();
    const publishing = bus.publish(numbers, 2, { signal: aborting.signal });
    const next = begun(bus.publish(numbers, 3));
    const reason = new Error('enough');
    const failed = publishing.catch((error: unknown) => error);
    await turns();
    aborting.abort(reason);
    assert.equal(await failed, reason);
    subscriber.letGo();
    await next;
    await tools.until(() => received.length === 3 && subscriber.received.length >= 3);
    await turns();
    assert.deepEqual(received, [1, 2, 3]);
    assert.deepEqual(subscriber.received, [0, 1, 3]);
  },

  'shedLoad drops what finds the queue full, and never waits': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 2, whenFull: 'shedLoad' });
    for (const data of [1, 2, 3, 4]) await bus.publish(numbers, data);
    subscriber.letGo();
    await tools.until(() => subscriber.received.length >= 3);
    await turns();
    assert.deepEqual(subscriber.received, [0, 1, 2]);
    await bus.publish(numbers, 5);
    await tools.until(() => subscriber.received.length === 4);
  },

  'a subscription waits for 1 000 messages where it names no bound': async (bus, { until }) => {
    const held = barrier();
    let receivedCount = 0;
    bus.subscribe(numbers, async () => {
      receivedCount += 1;
      await held.passed;
    });
    await bus.publish(numbers, 0);
    await until(() => receivedCount === 1);
    for (const data of upTo(1000)) await bus.publish(numbers, data);
    const publishing = watch(bus.publish(numbers, 1));
    await turns();
    const { state } = publishing;
    held.open();
    assert.equal(state, 'waits');
    await until(() => receivedCount === 1002);
  },

  'no more than 10 000 publications wait for a subscriber': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 1 });
    const waiting = upTo(10_001).map((data) => begun(bus.publish(numbers, data + 1)));
    await turns(2);
    await assert.rejects(bus.publish(numbers, 0), { code: 'DW_SCALING_OVERLOADED' });
    subscriber.letGo();
    await Promise.all(waiting);
  },
};
