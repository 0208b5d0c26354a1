import { backpressureChangedTopic, type IMessageBus } from '@datawarehouse/sdk';
import {
  type BenchRow,
  boundedRow,
  notInstalled,
  roundsRow,
  runBenchmark,
} from './support/benchmark.js';
import { type Contender, median, rateOf, rounds } from './support/contenders.js';
import { liveHeapBytes } from './support/heap.js';
import { loadBuilt, loadPeer } from './support/peer.js';

type Bus = IMessageBus & AsyncDisposable;

/** An emitter, as much of it as is used here. */
interface Emitter {
  on(name: string, listener: (data: unknown) => void): unknown;
  emit(name: string, data: unknown): unknown;
}

const to = backpressureChangedTopic;
const data = Object.freeze({
  previousState: 'normal' as const,
  currentState: 'warning' as const,
  subsystemName: 'bench',
  timestamp: 0,
});
/** Publications before the publisher lets subscribers have their turn; fewer than a queue holds. */
const burst = 250;
const leastRatio = 0.2;
const mostBytes = 200;

const { InProcessMessageBus } = await loadBuilt<{
  readonly InProcessMessageBus: new () => Bus;
}>('host/dist/messaging/in-process-message-bus.js');
const eventEmitter3 = await loadPeer('eventemitter3');
const emittery = await loadPeer('emittery');

let handledCount = 0;
const handler = (): void => {
  handledCount += 1;
};

/** Runs a contender until everybody has handled everything. */
async function timed(count: number, receivers: number, work: () => Promise<void> | void) {
  handledCount = 0;
  const rate = await rateOf(count, work);
  const expected = count * receivers;
  if (handledCount !== expected) throw new Error(`${handledCount} of ${expected} were handled`);
  return rate;
}

function bareEmitter(emitter: Emitter, receivers: number, count: number): Contender {
  for (let index = 0; index < receivers; index += 1) emitter.on(to.name, () => handler());
  return () =>
    timed(count, receivers, () => {
      for (let index = 0; index < count; index += 1) emitter.emit(to.name, data);
    });
}

function awaitedEmitter(emitter: Emitter, receivers: number, count: number): Contender {
  for (let index = 0; index < receivers; index += 1) emitter.on(to.name, () => handler());
  return () =>
    timed(count, receivers, async () => {
      for (let index = 0; index < count; index += 1) await emitter.emit(to.name, data);
    });
}

function busInBursts(bus: Bus, receivers: number, count: number): Contender {
  for (let index = 0; index < receivers; index += 1) bus.subscribe(to, () => handler());
  return () =>
    timed(count, receivers, async () => {
      for (let done = 0; done < count; done += burst) {
        for (let index = 1; index < burst; index += 1) void bus.publish(to, data);
        await bus.publish(to, data);
      }
      while (handledCount < count * receivers) await new Promise(setImmediate);
    });
}

function busAwaited(bus: Bus, receivers: number, count: number): Contender {
  for (let index = 0; index < receivers; index += 1) bus.subscribe(to, () => handler());
  return () =>
    timed(count, receivers, async () => {
      for (let index = 0; index < count; index += 1) await bus.publish(to, data);
      while (handledCount < count * receivers) await new Promise(setImmediate);
    });
}

/** A bus with many subscriptions that have nothing to do with the topic. */
function crowded(bus: Bus): Bus {
  for (let index = 0; index < 1000; index += 1) {
    bus.subscribe(`dw.bench.*.name-${index}.>`, handler);
    bus.subscribe(`dw.scaling.other-${index}.*`, handler);
  }
  return bus;
}

async function publishing(receivers: number, runs: number): Promise<readonly BenchRow[]> {
  const count = receivers === 1 ? 400_000 : 10_000;
  const contenders: Record<string, Contender> = {
    bus: busInBursts(new InProcessMessageBus(), receivers, count),
    crowded: busInBursts(crowded(new InProcessMessageBus()), receivers, count),
    awaited: busAwaited(new InProcessMessageBus(), receivers, count / 4),
  };
  if (eventEmitter3 !== undefined) {
    const emitter = new (eventEmitter3['EventEmitter'] as new () => Emitter)();
    contenders['eventemitter3'] = bareEmitter(emitter, receivers, count);
  }
  if (emittery !== undefined) {
    const emitter = new (emittery['default'] as new () => Emitter)();
    contenders['emittery'] = awaitedEmitter(emitter, receivers, count / 20);
  }
  const rates = await rounds(contenders, { runs: 3 * runs });
  const bare = rates['eventemitter3'];
  const name = (what: string) => `${what}, ${receivers} subscriber${receivers === 1 ? '' : 's'}`;
  const row = (what: string, key: string, bar?: number, note?: string): BenchRow => {
    const figures = rates[key] ?? [];
    const measured = {
      ...{ name: name(what), unit: 'publishes/s' },
      ...(note === undefined ? {} : { note }),
    };
    if (bare === undefined) return { ...measured, value: median(figures) };
    return roundsRow(measured, figures, bare, bar);
  };
  const peer = (key: string, note: string): BenchRow =>
    rates[key] === undefined
      ? notInstalled(name(key), 'publishes/s')
      : row(key, key, undefined, note);
  return [
    row('bus', 'bus', leastRatio, 'until all is handled'),
    row('bus with 2 000 other subscriptions', 'crowded', leastRatio),
    row('bus, each publish awaited', 'awaited'),
    peer('eventemitter3', 'bare, handlers run inside emit'),
    peer('emittery', 'each emit awaited'),
  ];
}

/** What a message costs that waits for a stuck handler. */
async function waiting(receivers: number, depth: number): Promise<number> {
  await using bus = new InProcessMessageBus();
  let release: () => void = () => undefined;
  const stuck = new Promise<void>((resolve) => {
    release = resolve;
  });
  for (let index = 0; index < receivers; index += 1) {
    bus.subscribe(to, () => stuck, { maxQueueDepth: depth });
  }
  await bus.publish(to, data);
  await new Promise(setImmediate);
  const before = liveHeapBytes();
  for (let index = 0; index < depth; index += 1) void bus.publish(to, data);
  // First, since it hands over what was gathered.
  const waitingCount = bus.statistics().reduce((sum, { queueDepth }) => sum + queueDepth, 0);
  const bytes = liveHeapBytes() - before;
  release();
  return bytes / waitingCount;
}

await runBenchmark({
  name: 'bus',
  measure: async ({ runs }) => [
    ...(await publishing(1, runs)),
    ...(await publishing(100, runs)),
    boundedRow(
      { name: 'memory, 1 subscriber', value: await waiting(1, 100_000), unit: 'B/waiting message' },
      mostBytes,
    ),
    boundedRow(
      {
        name: 'memory, 100 subscribers',
        value: await waiting(100, 1000),
        unit: 'B/waiting message',
      },
      mostBytes,
    ),
  ],
});
