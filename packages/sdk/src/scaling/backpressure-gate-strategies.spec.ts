import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import type { BackpressureChoice, BackpressureDrop } from './backpressure.js';
import { BackpressureGate } from './backpressure-gate.js';

const gateOf = (options: Partial<ConstructorParameters<typeof BackpressureGate>[0]>) =>
  new BackpressureGate({ subsystemName: 'x', clock: new ManualClock(), ...options });

describe('BackpressureGate that drops the oldest', () => {
  it('drops only what is droppable, oldest first, and leaves a tombstone of each', () => {
    const clock = new ManualClock();
    const gate = gateOf({ strategy: 'dropOldest', maxQueueDepth: 3, clock });
    const drops: BackpressureDrop[] = [];
    gate.onDidDrop((drop) => drops.push(drop));
    const kept = gate.tryEnter();
    const first = gate.tryEnter({ droppable: { id: 'first' } });
    const second = gate.tryEnter({ droppable: { id: 'second' } });
    gate.tryEnter();
    expect([kept, first, second].map(({ isDropped }) => isDropped)).toEqual([false, true, false]);
    expect(gate.tombstones).toEqual([
      {
        ...{ count: 1, id: 'first', reason: 'maxQueueDepth' },
        ...{ subsystemName: 'x', timestamp: clock.now() },
      },
    ]);
    expect(drops).toEqual([{ entry: first, tombstone: gate.tombstones[0] }]);
    first[Symbol.dispose]();
    expect(gate.queueDepth).toBe(3);
  });

  it('drops as many as the bytes of the new item need', () => {
    const gate = gateOf({ strategy: 'dropOldest', maxQueueDepth: 0, maxBytes: 100 });
    for (const id of ['a', 'b', 'c']) gate.tryEnter({ bytes: 30, droppable: { id } });
    gate.tryEnter({ bytes: 50 });
    expect(gate.tombstones.map(({ id, reason }) => [id, reason])).toEqual([
      ['a', 'maxBytes'],
      ['b', 'maxBytes'],
    ]);
    expect([gate.queueDepth, gate.bytes]).toEqual([2, 80]);
  });

  it('refuses, and drops nothing, where dropping does not make room', () => {
    const gate = gateOf({ strategy: 'dropOldest', maxQueueDepth: 0, maxBytes: 100 });
    gate.tryEnter({ bytes: 60 });
    const droppable = gate.tryEnter({ bytes: 40, droppable: { id: 'a' } });
    expect(() => gate.tryEnter({ bytes: 50 })).toThrow(
      expect.objectContaining({ code: 'DW_SCALING_OVERLOADED' }),
    );
    expect(droppable.isDropped).toBe(false);
    expect(gate.tombstones).toEqual([]);
  });

  it('drops nothing that has left', () => {
    const gate = gateOf({ strategy: 'dropOldest', maxQueueDepth: 2 });
    gate.tryEnter({ droppable: { id: 'left' } })[Symbol.dispose]();
    gate.tryEnter({ droppable: { id: 'inside' } });
    gate.tryEnter();
    gate.tryEnter();
    expect(gate.tombstones.map(({ id }) => id)).toEqual(['inside']);
  });

  it('keeps few tombstones, whose counts add up to all that was dropped', () => {
    const gate = gateOf({ strategy: 'dropOldest', maxQueueDepth: 1, maxTombstones: 3 });
    for (let id = 0; id <= 10; id += 1) gate.tryEnter({ droppable: { id: `${id}` } });
    expect(gate.tombstones.map(({ count, id }) => [count, id])).toEqual([
      [8, '7'],
      [1, '8'],
      [1, '9'],
    ]);
    expect(gate.droppedCount).toBe(10);
  });
});

describe('BackpressureGate that blocks', () => {
  it('ends a wait at its deadline', async () => {
    const clock = new ManualClock();
    const gate = gateOf({ maxQueueDepth: 1, clock });
    gate.tryEnter();
    const waiting = gate.enter({ timeoutMs: 50 });
    const refused = expect(waiting).rejects.toMatchObject({
      code: 'DW_SCALING_OVERLOADED',
      retryable: true,
    });
    clock.advance(50);
    await refused;
    expect(gate.waitingCount).toBe(0);
  });

  it('leaves no timer and no waiter behind whoever entered in time', async () => {
    const clock = new ManualClock();
    const gate = gateOf({ maxQueueDepth: 1, clock, dwellMs: 0 });
    const first = gate.tryEnter();
    const waiting = gate.enter({ timeoutMs: 50, signal: new AbortController().signal });
    first[Symbol.dispose]();
    (await waiting)[Symbol.dispose]();
    expect([gate.waitingCount, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('bounds those who wait', async () => {
    const gate = gateOf({ maxQueueDepth: 1, maxWaitingProducers: 1 });
    const first = gate.tryEnter();
    const waiting = gate.enter();
    await expect(gate.enter()).rejects.toMatchObject({ code: 'DW_SCALING_OVERLOADED' });
    first[Symbol.dispose]();
    await waiting;
  });

  it('admits each of those who wait once, whatever listeners do', async () => {
    const gate = gateOf({ maxQueueDepth: 10 });
    const inside = Array.from({ length: 10 }, () => gate.tryEnter());
    const waiting = [gate.enter(), gate.enter()];
    gate.onDidChangeState(() => {
      for (const entry of inside.splice(0, 2)) entry[Symbol.dispose]();
    });
    gate.reconfigure({ maxQueueDepth: 100, dwellMs: 0 });
    gate.reconfigure({ maxQueueDepth: 11, dwellMs: 0 });
    await Promise.all(waiting);
    expect(gate.queueDepth).toBe(inside.length + 2);
  });
});

describe('BackpressureGate that sheds', () => {
  it('says when to come back, by the rate at which items have been leaving', () => {
    const clock = new ManualClock();
    const gate = gateOf({ strategy: 'shedLoad', maxQueueDepth: 100, clock });
    const inside = Array.from({ length: 90 }, () => gate.tryEnter());
    // 20 items a second.
    for (let step = 0; step < 20; step += 1) {
      clock.advance(50);
      inside.shift()?.[Symbol.dispose]();
      inside.push(gate.tryEnter());
    }
    while (gate.state !== 'shedding') inside.push(gate.tryEnter());
    // Of 95 the last one may enter at 84: 11 must leave, which take 50 ms each.
    expect(() => gate.tryEnter()).toThrow(
      expect.objectContaining({
        code: 'DW_SCALING_OVERLOADED',
        details: { subsystemName: 'x', state: 'shedding', queueDepth: 95, retryAfterMs: 550 },
      }),
    );
  });

  it('reaches shedding, refuses, and takes work again below the hysteresis', () => {
    const clock = new ManualClock();
    const gate = gateOf({ strategy: 'shedLoad', maxQueueDepth: 100, clock });
    const states: string[] = [];
    gate.onDidChangeState(({ currentState }) => states.push(currentState));
    const inside = Array.from({ length: 95 }, () => gate.tryEnter());
    expect(gate.state).toBe('shedding');
    expect(() => gate.tryEnter()).toThrow();
    for (const entry of inside.splice(85)) entry[Symbol.dispose]();
    expect(() => gate.tryEnter()).toThrow();
    inside.pop()?.[Symbol.dispose]();
    inside.push(gate.tryEnter());
    for (const entry of inside.splice(0)) entry[Symbol.dispose]();
    clock.advance(1000);
    expect(states).toEqual(['warning', 'critical', 'shedding', 'normal']);
  });
});

describe('BackpressureGate that adapts', () => {
  it('tells what it chose and why, once a choice', () => {
    const clock = new ManualClock();
    const gate = gateOf({ strategy: 'adaptive', maxQueueDepth: 100, clock });
    const choices: BackpressureChoice[] = [];
    gate.onDidChooseStrategy((choice) => choices.push(choice));
    for (let count = 0; count < 96; count += 1) gate.tryEnter();
    clock.advance(1500);
    expect(() => gate.tryEnter()).toThrow();
    expect(choices.map(({ strategy, state }) => [strategy, state])).toEqual([
      ['blockProducer', 'normal'],
      ['degradeQuality', 'warning'],
      ['blockProducer', 'shedding'],
      ['shedLoad', 'shedding'],
    ]);
    expect(choices.at(-1)?.context).toEqual({
      ...{ currentLoad: 0.96, maxCapacity: 100, queueDepth: 96, latencyP99: 1500 },
    });
  });
});

describe('BackpressureGate.context()', () => {
  it('gives the 99th percentile of the waits over the last 256 items of a minute', () => {
    const clock = new ManualClock();
    const gate = gateOf({ clock });
    const wait = (ms: number) => {
      const entry = gate.tryEnter();
      clock.advance(ms);
      entry[Symbol.dispose]();
    };
    for (let count = 0; count < 200; count += 1) wait(count < 4 ? 500 : 10);
    expect(gate.context().latencyP99).toBe(500);
    for (let count = 0; count < 256; count += 1) wait(10);
    expect(gate.context().latencyP99).toBe(10);
    clock.advance(60_001);
    expect(gate.context().latencyP99).toBe(0);
  });

  it('names the limit that is nearer', () => {
    const gate = gateOf({ maxQueueDepth: 10, maxBytes: 100 });
    gate.tryEnter({ bytes: 50 });
    expect(gate.context()).toMatchObject({ currentLoad: 0.5, maxCapacity: 100, queueDepth: 1 });
  });
});

describe('places without entries', () => {
  it('are taken where there is room, in order with those who wait', async () => {
    const gate = gateOf({ maxQueueDepth: 1, strategy: 'shedLoad' });
    expect([gate.takePlace(), gate.takePlace()]).toEqual([true, false]);
    const order: string[] = [];
    const waiting = [1, 2].map((number) =>
      gate.waitForPlace({ onEnter: () => order.push(`in ${number}`) }),
    );
    await Promise.resolve();
    gate.freePlace();
    order.push('freed');
    expect(gate.takePlace()).toBe(false);
    gate.freePlace(0, 20);
    await Promise.all(waiting);
    expect(order).toEqual(['in 1', 'freed', 'in 2']);
    expect(gate.queueDepth).toBe(1);
    expect(gate.context().latencyP99).toBe(20);
  });

  it('change their size where there is room, also when nothing else may enter', async () => {
    const gate = gateOf({ maxQueueDepth: 2, maxBytes: 100 });
    gate.takePlace(40);
    expect(gate.resizePlace(40, 150)).toBe(true);
    expect(gate.resizePlace(150, 20)).toBe(true);
    gate.takePlace(50);
    expect(gate.resizePlace(20, 51)).toBe(false);
    expect(gate.resizePlace(20, 40)).toBe(true);
    expect([gate.queueDepth, gate.bytes]).toEqual([2, 90]);
    gate.reconfigure({ maxQueueDepth: 3 });
    const waiting = gate.waitForPlace({ bytes: 20 });
    expect(gate.resizePlace(40, 41)).toBe(false);
    expect(gate.resizePlace(40, 30)).toBe(true);
    await waiting;
    expect([gate.queueDepth, gate.bytes]).toEqual([3, 100]);
    gate[Symbol.dispose]();
    expect(() => gate.resizePlace(30, 31)).toThrow(
      expect.objectContaining({ code: 'DW_SCALING_CLOSED' }),
    );
  });
});

describe('settings of a BackpressureGate', () => {
  it.each([
    { maxQueueDepth: -1 },
    { maxQueueDepth: Number.NaN },
    { maxBytes: 0.5 },
    { dwellMs: -1 },
    { maxTombstones: 0 },
    { thresholds: { warningRatio: 0.9 } },
    { thresholds: { sheddingRatio: 1.1 } },
    { thresholds: { hysteresisRatio: 0.7 } },
    { strategy: 'none' as 'shedLoad' },
  ])('are refused where they make no sense: %j', (changes) => {
    const refused = expect.objectContaining({ code: 'DW_SCALING_INVALID_LIMITS' });
    expect(() => gateOf(changes)).toThrow(refused);
    const gate = gateOf({});
    const { settings } = gate;
    expect(() => {
      gate.reconfigure(changes);
    }).toThrow(refused);
    expect(gate.settings).toBe(settings);
  });

  it('change while it works', () => {
    const gate = gateOf({ maxQueueDepth: 10 });
    for (let count = 0; count < 5; count += 1) gate.tryEnter();
    gate.reconfigure({ thresholds: { warningRatio: 0.5 } });
    expect(gate.state).toBe('warning');
    gate.reconfigure({ maxQueueDepth: 5 });
    expect(gate.state).toBe('shedding');
    expect(() => gate.tryEnter({ bytes: -1 })).toThrow(TypeError);
  });
});
