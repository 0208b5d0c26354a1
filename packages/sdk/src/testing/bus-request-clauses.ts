import assert from 'node:assert/strict';
import { busError } from '../errors/bus-errors.js';
import type { Message } from '../messaging/message-bus.js';
import {
  type BusClauses,
  barrier,
  begun,
  holdSubscriber,
  numbers,
  others,
  questions,
  statisticsOf,
  turns,
} from './bus-clause.js';

/** Requests and their answers. */
export const requestClauses: BusClauses = {
  'request() gives the responder the message, and its answer back': async (bus) => {
    const asked: Message<string>[] = [];
    bus.respond(questions, async (message) => {
      asked.push(message);
      await turns(1);
      return { length: message.data.length };
    });
    bus.respond(numbers, () => 'wrong topic');
    assert.deepEqual(await bus.request(questions, 'four'), { length: 4 });
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.topic, questions.name);
    assert.equal(asked[0].data, 'four');
    assert.ok(Number.isFinite(asked[0].publishedAtMs));
  },

  'an answer may be a plain value, or undefined': async (bus) => {
    bus.respond(numbers, ({ data }) => data + 1);
    bus.respond(others, () => undefined);
    assert.equal(await bus.request(numbers, 1), 2);
    assert.equal(await bus.request(others, 1), undefined);
  },

  'request() without a responder is refused at once': async (bus) => {
    bus.subscribe(questions, () => undefined);
    await assert.rejects(bus.request(questions, 'a'), { code: 'DW_BUS_NO_RESPONDER' });
  },

  'request() is not answered for ever': async (bus) => {
    const held = barrier();
    bus.respond(questions, () => held.passed);
    const request = bus.request(questions, 'a', { timeoutMs: 20 });
    await assert.rejects(request, { code: 'DW_BUS_TIMEOUT', retryable: true });
    held.open();
  },

  'a request that is not answered in time names who did not answer': async (bus) => {
    const held = barrier();
    bus.respond(questions, () => held.passed);
    const failure = await bus.request(questions, 'a', { timeoutMs: 10 }).catch((e: unknown) => e);
    held.open();
    const { silent } = (failure as { readonly details: { readonly silent?: unknown } }).details;
    assert.ok(Array.isArray(silent) && silent.length === 1, 'details.silent names nobody');
    assert.ok(typeof silent[0] === 'string' && silent[0] !== '', 'details.silent names nobody');
  },

  'what the responder throws reaches the requester as it is': async (bus) => {
    const thrown = busError('DW_BUS_INVALID_MESSAGE');
    bus.respond(questions, ({ data }) => {
      if (data === 'throw') throw thrown;
      return Promise.reject(thrown);
    });
    for (const question of ['throw', 'reject']) {
      const failure = await bus.request(questions, question).catch((error: unknown) => error);
      assert.equal(failure, thrown);
    }
  },

  'request() rejects with the reason of its signal': async (bus, { until }) => {
    const held = barrier();
    let askedCount = 0;
    bus.respond(questions, () => {
      askedCount += 1;
      return held.passed;
    });
    const reason = new Error('enough');
    const aborting = new AbortController();
    const running = bus.request(questions, 'a', { signal: aborting.signal });
    const failed = running.catch((error: unknown) => error);
    await until(() => askedCount === 1);
    aborting.abort(reason);
    assert.equal(await failed, reason);
    const late = bus.request(questions, 'b', { signal: aborting.signal });
    assert.equal(await late.catch((error: unknown) => error), reason);
    assert.equal(askedCount, 1, 'an aborted request is asked');
    held.open();
  },

  'a later responder takes the place of an earlier one': async (bus) => {
    const earlier = bus.respond(questions, () => 'earlier');
    bus.respond(questions, () => 'later');
    assert.equal(await bus.request(questions, 'a'), 'later');
    earlier[Symbol.dispose]();
    assert.equal(
      await bus.request(questions, 'a'),
      'later',
      'the earlier one took the later along',
    );
  },

  'a disposed responder answers no more': async (bus) => {
    const responder = bus.respond(questions, () => 'yes');
    assert.equal(await bus.request(questions, 'a'), 'yes');
    responder[Symbol.dispose]();
    responder[Symbol.dispose]();
    await assert.rejects(bus.request(questions, 'a'), { code: 'DW_BUS_NO_RESPONDER' });
  },
};

/** What the bus says of itself. */
export const statisticsClauses: BusClauses = {
  'statistics() name each subscription and what it listens to': async (bus) => {
    bus.subscribe(numbers, () => undefined, { name: 'named' });
    bus.subscribe('dw.test.>', () => undefined);
    const named = bus.statistics().map(({ name, topic }) => ({ name, topic }));
    assert.deepEqual(named, [
      { name: 'named', topic: numbers.name },
      { name: 'dw.test.>', topic: 'dw.test.>' },
    ]);
  },

  'statistics() count what waits, what was handled and what was shed': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 2, whenFull: 'shedLoad' });
    for (const data of [1, 2, 3, 4, 5]) await bus.publish(numbers, data);
    const { queueDepth, handledCount, failedCount, shedCount } = statisticsOf(bus, 'held');
    assert.deepEqual([queueDepth, handledCount, failedCount, shedCount], [2, 0, 0, 3]);
    subscriber.letGo();
    await tools.until(() => statisticsOf(bus, 'held').handledCount === 3);
    const after = statisticsOf(bus, 'held');
    assert.deepEqual([after.queueDepth, after.failedCount, after.shedCount], [0, 0, 3]);
  },

  'statistics() count failures among what was handled': async (bus, { until }) => {
    const odd = new Error('A handler of the conformance suite throws');
    bus.subscribe(numbers, ({ data }) => (data % 2 === 0 ? undefined : Promise.reject(odd)), {
      name: 'odd',
    });
    for (const data of [1, 2, 3]) await bus.publish(numbers, data);
    await until(() => statisticsOf(bus, 'odd').handledCount === 3);
    assert.equal(statisticsOf(bus, 'odd').failedCount, 2);
  },

  'statistics() tell how full a queue is, and how many publishers wait': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 10 });
    const states = [statisticsOf(bus, 'held').state];
    for (let data = 1; data <= 10; data += 1) {
      await bus.publish(numbers, data);
      if ([6, 7, 9, 10].includes(data)) states.push(statisticsOf(bus, 'held').state);
    }
    assert.deepEqual(states, ['normal', 'normal', 'warning', 'critical', 'shedding']);
    const waiting = [11, 12].map((data) => begun(bus.publish(numbers, data)));
    await turns();
    assert.equal(statisticsOf(bus, 'held').waitingCount, 2);
    subscriber.letGo();
    await Promise.all(waiting);
    assert.equal(statisticsOf(bus, 'held').waitingCount, 0);
  },

  'statistics() tell since when a handler has been at its message': async (bus, tools) => {
    bus.subscribe(numbers, () => turns(1), { name: 'quick' });
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 10 });
    const { busySinceMs } = statisticsOf(bus, 'held');
    assert.ok(Number.isFinite(busySinceMs), 'a handler at work is not seen');
    await turns();
    const later = statisticsOf(bus, 'held').busySinceMs;
    assert.ok(Math.abs((later ?? 0) - (busySinceMs ?? 0)) < 5, 'the time moves');
    await tools.until(() => statisticsOf(bus, 'quick').handledCount === 1);
    assert.equal(statisticsOf(bus, 'quick').busySinceMs, undefined, 'an idle handler is seen');
    subscriber.letGo();
    await tools.until(() => statisticsOf(bus, 'held').busySinceMs === undefined);
  },

  'statistics() forget a disposed subscription': async (bus) => {
    bus.subscribe(numbers, () => undefined, { name: 'kept' });
    bus.subscribe(numbers, () => undefined, { name: 'gone' })[Symbol.dispose]();
    assert.deepEqual(
      bus.statistics().map(({ name }) => name),
      ['kept'],
    );
  },
};

/** How a bus ends. */
export const endClauses: BusClauses = {
  'a closed bus refuses': async (bus) => {
    bus.respond(questions, () => 'yes');
    await bus[Symbol.asyncDispose]();
    const closed = { code: 'DW_BUS_CLOSED' };
    await assert.rejects(bus.publish(numbers, 1), closed);
    await assert.rejects(bus.request(questions, 'a'), closed);
    assert.throws(() => bus.subscribe(numbers, () => undefined), closed);
    assert.throws(() => bus.subscribe('dw.>', () => undefined), closed);
  },

  'closing refuses publishers and requesters that wait': async (bus, tools) => {
    using subscriber = await holdSubscriber(bus, tools, { maxQueueDepth: 1 });
    const held = barrier();
    bus.respond(questions, () => held.passed);
    await bus.publish(numbers, 1);
    const waiting = Promise.allSettled([bus.publish(numbers, 2), bus.request(questions, 'a')]);
    await turns();
    const closing = bus[Symbol.asyncDispose]();
    try {
      for (const result of await waiting) {
        assert.equal(result.status, 'rejected');
        assert.equal((result.reason as { readonly code?: unknown }).code, 'DW_BUS_CLOSED');
      }
    } finally {
      subscriber.letGo();
      held.open();
    }
    await closing;
  },

  'closing twice is not an error': async (bus) => {
    await Promise.all([bus[Symbol.asyncDispose](), bus[Symbol.asyncDispose]()]);
    await bus[Symbol.asyncDispose]();
  },
};
