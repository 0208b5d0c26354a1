import { describe, expect, it } from 'vitest';
import { KeyedMutex } from '../concurrency/keyed-mutex.js';
import { busError } from '../errors/bus-errors.js';
import { DwError } from '../errors/dw-error.js';
import type { Message, SubscriptionStatistics } from '../messaging/message-bus.js';
import type { Topic } from '../messaging/topic.js';
import {
  broken,
  type Double,
  disposable,
  double,
  handling,
  never,
  nothing,
  turns,
} from './broken-message-bus.js';
import { runSuite } from './failing-clauses.js';
import { messageBusConformance } from './message-bus-conformance.js';

const deliveryDoubles: readonly Double[] = [
  double(
    'delivers to everybody',
    'publish() reaches every subscriber of the topic, and nobody else',
    (real) => ({
      subscribe: (_, handler, options) => real.subscribe('dw.>', handler, options),
    }),
  ),
  double('wants a subscriber', 'publish() without a subscriber is not an error', (real) => ({
    publish: async (to, data, options) => {
      if (real.statistics().length === 0) throw new Error('nobody listens');
      await real.publish(to, data, options);
    },
  })),
  double('has no time', 'a message carries its topic, its data and its time', (real) => ({
    subscribe: handling(
      real,
      (handler) => (message) => handler({ ...message, publishedAtMs: Number.NaN }),
    ),
  })),
  double(
    'delivers odd numbers late',
    'a subscriber gets messages in the order of publication',
    (real) => ({
      publish: async (to, data, options) => {
        await turns(Number(data) % 2);
        await real.publish(to, data, options);
      },
    }),
  ),
  double('does not wait for handlers', 'a subscriber gets one message at a time', (real) => ({
    subscribe: handling(real, (handler) => (message) => {
      void (async () => handler(message))().catch(() => undefined);
    }),
  })),
  double('publishes until all is handled', 'publish() does not wait for handlers', (real) => {
    const running = new Set<unknown>();
    return {
      subscribe: handling(real, (handler) => async (message) => {
        running.add(message);
        await handler(message);
        running.delete(message);
      }),
      publish: async (to, data, options) => {
        await real.publish(to, data, options);
        await turns(1);
        while (running.size > 0) await turns(1);
      },
      [Symbol.asyncDispose]: async () => {
        running.clear();
        await real.close();
      },
    };
  }),
  double(
    'unsubscribes who throws',
    'a handler that throws affects neither others nor its next message',
    (real) => ({
      subscribe: (to, handler, options) => {
        const subscription = real.subscribe(
          to,
          async (message) => {
            try {
              await handler(message);
            } catch {
              subscription[Symbol.dispose]();
            }
          },
          options,
        );
        return subscription;
      },
    }),
  ),
  double('runs one handler at a time', 'a handler that hangs affects no other', (real) => {
    const mutex = new KeyedMutex();
    return {
      subscribe: handling(real, (handler) => (message) => mutex.run('', () => handler(message))),
    };
  }),
  double('cannot be entered from a handler', 'a handler may publish and subscribe', (real) => {
    let runningCount = 0;
    return {
      subscribe: handling(real, (handler) => async (message) => {
        runningCount += 1;
        try {
          await handler(message);
        } finally {
          runningCount -= 1;
        }
      }),
      publish: async (to, data, options) => {
        if (runningCount > 0) throw new Error('busy');
        await real.publish(to, data, options);
      },
    };
  }),
];

const subscriptionDoubles: readonly Double[] = [
  double('takes * for >', '* in a pattern stands for one name', (real) => ({
    subscribe: (to, handler, options) => real.subscribe(to.replace(/\*.*$/, '>'), handler, options),
  })),
  double('takes > for *', '> at the end of a pattern stands for one name or more', (real) => ({
    subscribe: (to, handler, options) => real.subscribe(to.replace(/>$/, '*'), handler, options),
  })),
  double(
    'handles what fits a pattern at once',
    'a pattern gets messages of all its topics in the order of publication',
    (real) => ({
      subscribe: (to, handler, options, isPattern) =>
        real.subscribe(
          to,
          (message) => (isPattern ? void handler(message) : handler(message)),
          options,
        ),
    }),
  ),
  double('takes every pattern', 'a malformed pattern is refused', (real) => ({
    subscribe: (to, handler, options) => {
      try {
        return real.subscribe(to, handler, options);
      } catch {
        return nothing;
      }
    },
  })),
  double('never unsubscribes', 'disposing unsubscribes at once, and drops what waits', (real) => ({
    subscribe: (to, handler, options) => {
      real.subscribe(to, handler, options);
      return nothing;
    },
  })),
  double('does not unsubscribe who is busy', 'a handler may unsubscribe itself', (real) => ({
    subscribe: (to, handler, options) => {
      let isBusy = false;
      const subscription = real.subscribe(
        to,
        async (message) => {
          isBusy = true;
          await handler(message);
          isBusy = false;
        },
        options,
      );
      return disposable(() => {
        if (!isBusy) subscription[Symbol.dispose]();
      });
    },
  })),
  double(
    'forgets who waits for room',
    'disposing a full subscription lets its publishers go',
    (real) => ({
      subscribe: (to, handler, options) => {
        let isGone = false;
        const subscription = real.subscribe(
          to,
          async (message) => {
            await handler(message);
            if (isGone) await never;
          },
          options,
        );
        return options.maxQueueDepth === 1
          ? disposable(() => {
              isGone = true;
            })
          : subscription;
      },
    }),
  ),
];

const boundDoubles: readonly Double[] = [
  double('has no bounds', 'publish() waits while a queue is full, and no longer', (real) => ({
    subscribe: (to, handler, options) =>
      real.subscribe(to, handler, { ...options, maxQueueDepth: 1_000_000 }),
  })),
  double('lets later publishers in first', 'publishers that wait keep their order', (real) => {
    const waiting: (() => void)[] = [];
    return {
      publish: async (to, data, options) => {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
          setImmediate(() => waiting.pop()?.());
        });
        await real.publish(to, data, options);
      },
    };
  }),
  double(
    'publishes one after the other',
    'a full subscriber keeps no message from others',
    (real) => {
      const mutex = new KeyedMutex();
      return {
        publish: (to, data, options) => mutex.run('', () => real.publish(to, data, options)),
      };
    },
  ),
  double(
    'publishes without looking at the signal',
    'an aborted publish() stops waiting, and only the full subscriber goes without',
    (real) => ({ publish: (to, data) => real.publish(to, data) }),
  ),
  double(
    'withdraws an aborted message from all',
    'an aborted publish() stops waiting, and only the full subscriber goes without',
    (real) => ({
      publish: async (to, data, options) => {
        if (options?.signal !== undefined) await turns(25);
        options?.signal?.throwIfAborted();
        await real.publish(to, data, options);
      },
    }),
  ),
  double('never sheds', 'shedLoad drops what finds the queue full, and never waits', (real) => ({
    subscribe: (to, handler, options) =>
      real.subscribe(to, handler, { ...options, whenFull: 'blockProducer' }),
  })),
  double(
    'lets everybody wait',
    'no more than 10 000 publications wait for a subscriber',
    (real) => ({
      publish: async (to, data, options) => {
        try {
          await real.publish(to, data, options);
        } catch (error) {
          if (DwError.is(error, 'DW_SCALING_OVERLOADED')) await never;
          throw error;
        }
      },
    }),
  ),
  double(
    'has a larger bound',
    'a subscription waits for 1 000 messages where it names no bound',
    (real) => ({
      subscribe: (to, handler, options) =>
        real.subscribe(to, handler, { maxQueueDepth: 10_000, ...options }),
    }),
  ),
];

const requestDoubles: readonly Double[] = [
  double(
    'gives the data alone',
    'request() gives the responder the message, and its answer back',
    (real) => ({
      respond: (to, handler) =>
        real.respond(to, ({ data }) => handler(data as unknown as Message<typeof data>)),
    }),
  ),
  double('wants an answer', 'an answer may be a plain value, or undefined', (real) => ({
    request: async <T, U>(to: Topic<T>, data: T): Promise<U> =>
      (await real.request<T, U | undefined>(to, data)) ?? (await never),
  })),
  double('waits for a responder', 'request() without a responder is refused at once', (real) => ({
    request: async (to, data, options) => {
      try {
        return await real.request(to, data, options);
      } catch (error) {
        throw DwError.is(error, 'DW_BUS_NO_RESPONDER') ? busError('DW_BUS_TIMEOUT') : error;
      }
    },
  })),
  double('waits for ever', 'request() is not answered for ever', (real) => ({
    request: (to, data, options) => real.request(to, data, { ...options, timeoutMs: 3_600_000 }),
  })),
  double(
    'does not say who was silent',
    'a request that is not answered in time names who did not answer',
    (real) => ({
      request: async (to, data, options) => {
        try {
          return await real.request(to, data, options);
        } catch (error) {
          throw DwError.is(error, 'DW_BUS_TIMEOUT') ? busError('DW_BUS_TIMEOUT') : error;
        }
      },
    }),
  ),
  double(
    'wraps what a responder throws',
    'what the responder throws reaches the requester as it is',
    (real) => ({
      request: async (to, data, options) => {
        try {
          return await real.request(to, data, options);
        } catch (cause) {
          throw DwError.is(cause, 'DW_BUS_INVALID_MESSAGE')
            ? new Error('failed', { cause })
            : cause;
        }
      },
    }),
  ),
  double(
    'asks without looking at the signal',
    'request() rejects with the reason of its signal',
    (real) => ({
      request: (to, data, { timeoutMs = 5000 } = {}) => real.request(to, data, { timeoutMs }),
    }),
  ),
  double(
    'keeps its first responder',
    'a later responder takes the place of an earlier one',
    (real) => {
      const taken = new Set<string>();
      return {
        respond: (to, handler) => {
          if (taken.has(to.name)) return nothing;
          taken.add(to.name);
          return real.respond(to, handler);
        },
      };
    },
  ),
  double(
    'lets an earlier responder take the later along',
    'a later responder takes the place of an earlier one',
    (real) => {
      const latest = new Map<string, Disposable>();
      return {
        respond: (to, handler) => {
          latest.set(to.name, real.respond(to, handler));
          return disposable(() => latest.get(to.name)?.[Symbol.dispose]());
        },
      };
    },
  ),
  double('keeps a disposed responder', 'a disposed responder answers no more', (real) => ({
    respond: (to, handler) => {
      real.respond(to, handler);
      return nothing;
    },
  })),
];

/** Statistics that are not what they should be. */
const counting =
  (alter: (real: SubscriptionStatistics) => Partial<SubscriptionStatistics>): Double['make'] =>
  (real) => ({
    statistics: () => real.statistics().map((each) => ({ ...each, ...alter(each) })),
  });

const endDoubles: readonly Double[] = [
  double(
    'calls subscriptions by a number',
    'statistics() name each subscription and what it listens to',
    counting(() => ({ name: '1' })),
  ),
  double(
    'does not count what it sheds',
    'statistics() count what waits, what was handled and what was shed',
    counting(() => ({ shedCount: 0 })),
  ),
  double(
    'does not count failures as handled',
    'statistics() count failures among what was handled',
    counting(({ handledCount, failedCount }) => ({ handledCount: handledCount - failedCount })),
  ),
  double(
    'looks empty when it is full',
    'statistics() tell how full a queue is, and how many publishers wait',
    counting(() => ({ state: 'normal' })),
  ),
  double(
    'does not count who waits',
    'statistics() tell how full a queue is, and how many publishers wait',
    counting(() => ({ waitingCount: 0 })),
  ),
  double(
    'does not see who is at work',
    'statistics() tell since when a handler has been at its message',
    counting(() => ({ busySinceMs: undefined })),
  ),
  double(
    'takes everybody for busy',
    'statistics() tell since when a handler has been at its message',
    counting(({ busySinceMs = 1 }) => ({ busySinceMs })),
  ),
  double('remembers who is gone', 'statistics() forget a disposed subscription', (real) => {
    const names: string[] = [];
    return {
      subscribe: (to, handler, options) => {
        names.push(options.name ?? to);
        return real.subscribe(to, handler, options);
      },
      statistics: () =>
        names.map((name) => ({
          ...{ topic: name, queueDepth: 0, handledCount: 0, failedCount: 0, shedCount: 0 },
          ...{ waitingCount: 0, state: 'normal', busySinceMs: undefined },
          ...real.statistics().find((each) => each.name === name),
          name,
        })),
    };
  }),
  double('publishes when closed', 'a closed bus refuses', (real) => ({
    publish: (to, data, options) =>
      real.publish(to, data, options).catch((error: unknown) => {
        if (!DwError.is(error, 'DW_BUS_CLOSED')) throw error;
      }),
  })),
  double(
    'forgets publishers when it closes',
    'closing refuses publishers and requesters that wait',
    (real) => {
      let isClosed = false;
      return {
        publish: async (to, data, options) => {
          const wasClosed = isClosed;
          try {
            await real.publish(to, data, options);
          } catch (error) {
            if (wasClosed || !DwError.is(error, 'DW_BUS_CLOSED')) throw error;
            await never;
          }
        },
        [Symbol.asyncDispose]: async () => {
          isClosed = true;
          await real.close();
        },
      };
    },
  ),
  double('closes once', 'closing twice is not an error', (real) => {
    let isClosed = false;
    return {
      [Symbol.asyncDispose]: async () => {
        if (isClosed) throw new Error('closed');
        isClosed = true;
        await real.close();
      },
    };
  }),
];

const doubles: readonly Double[] = [
  ...deliveryDoubles,
  ...subscriptionDoubles,
  ...boundDoubles,
  ...requestDoubles,
  ...endDoubles,
];

/** Runs the suite, or one clause of it, over a double. */
const run = (make: Double['make'], timeLimitMs: number, clause?: string) =>
  runSuite((test) =>
    messageBusConformance({
      test: (name, body) =>
        clause === undefined || name === clause ? test(name, body) : undefined,
      open: async () => broken(make),
      timeLimitMs,
    }),
  );

describe('messageBusConformance', () => {
  it('passes a bus that keeps the contract', async () => {
    expect((await run(() => ({}), 5_000)).failed).toEqual([]);
  });

  it.each(doubles)('notices a bus that $wrong', async ({ make, noticed }) => {
    expect(await run(make, 100, noticed)).toEqual({ clauses: [noticed], failed: [noticed] });
  });

  it('has no clause that cannot fail', async () => {
    const { clauses } = await run(() => ({}), 5_000);
    expect(new Set(doubles.map(({ noticed }) => noticed))).toEqual(new Set(clauses));
  });
});
