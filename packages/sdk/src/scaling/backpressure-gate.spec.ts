import { describe, expect, it } from 'vitest';
import type { Clock } from '../plugin/clock.js';
import { BackpressureGate } from './backpressure-gate.js';

/** A clock that this spec moves; timers run when their time has come. */
function movableClock() {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; run: () => void }>();
  const clock: Clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    setTimeout: (run, delayMs) => {
      const timer = { atMs: nowMs + delayMs, run };
      timers.add(timer);
      return { [Symbol.dispose]: () => timers.delete(timer) };
    },
  };
  const advance = (ms: number) => {
    nowMs += ms;
    for (const timer of [...timers]) {
      if (timer.atMs > nowMs) continue;
      timers.delete(timer);
      timer.run();
    }
  };
  return { clock, advance };
}

const fill = (gate: BackpressureGate, count: number) =>
  Array.from({ length: count }, () => gate.tryEnter());

describe('BackpressureGate', () => {
  it('rises through the states as it fills', () => {
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 20 });
    const states: string[] = [];
    gate.onDidChangeState(({ currentState }) => states.push(currentState));
    fill(gate, 20);
    expect(states).toEqual(['warning', 'critical', 'shedding']);
  });

  it('falls only below the hysteresis and after the dwell time', () => {
    const { clock, advance } = movableClock();
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 100, clock });
    const inside = fill(gate, 70);
    expect(gate.state).toBe('warning');
    for (const entry of inside.splice(0, 10)) entry[Symbol.dispose]();
    advance(5000);
    expect(gate.state).toBe('warning');
    inside.pop()?.[Symbol.dispose]();
    expect(gate.state).toBe('normal');
  });

  it('falls by itself once the dwell time is over', () => {
    const { clock, advance } = movableClock();
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 10, clock });
    for (const entry of fill(gate, 10)) entry[Symbol.dispose]();
    expect(gate.state).toBe('shedding');
    advance(1000);
    expect(gate.state).toBe('normal');
  });

  it('makes producers wait in order when it blocks', async () => {
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 1 });
    const first = await gate.enter();
    const order: string[] = [];
    const second = gate.enter().then((entry) => {
      order.push('second');
      return entry;
    });
    const third = gate.enter().then(() => order.push('third'));
    first[Symbol.dispose]();
    (await second)[Symbol.dispose]();
    await third;
    expect(order).toEqual(['second', 'third']);
    expect(gate.queueDepth).toBe(1);
  });

  it('rejects with DW_SCALING_OVERLOADED when it sheds', async () => {
    const gate = new BackpressureGate({
      subsystemName: 'x',
      maxQueueDepth: 1,
      strategy: 'shedLoad',
    });
    await gate.enter();
    await expect(gate.enter()).rejects.toMatchObject({
      code: 'DW_SCALING_OVERLOADED',
      retryable: true,
    });
  });

  it('lets an aborted producer go, and the next one in', async () => {
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 1 });
    const first = await gate.enter();
    const abort = new AbortController();
    const waiting = gate.enter({ signal: abort.signal });
    const next = gate.enter();
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    first[Symbol.dispose]();
    await next;
    expect(gate.queueDepth).toBe(1);
  });

  it('counts bytes, and admits one item larger than the limit when it is empty', () => {
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 0, maxBytes: 10 });
    const large = gate.tryEnter({ bytes: 50 });
    expect(() => gate.tryEnter({ bytes: 1 })).toThrow();
    large[Symbol.dispose]();
    large[Symbol.dispose]();
    expect(gate.bytes).toBe(0);
  });

  it('admits those who wait when the limit is raised', async () => {
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 1 });
    await gate.enter();
    const waiting = gate.enter();
    gate.reconfigure({ maxQueueDepth: 2 });
    await waiting;
    expect(gate.queueDepth).toBe(2);
  });

  it('changes state at most once a dwell time when the load trembles at a threshold', () => {
    const { clock, advance } = movableClock();
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 100, clock });
    const changes: number[] = [];
    gate.onDidChangeState(({ timestamp }) => changes.push(timestamp));
    const inside = fill(gate, 69);
    for (let step = 0; step < 1_000; step += 1) {
      if (step % 2 === 0) inside.push(gate.tryEnter(), gate.tryEnter());
      else for (const one of inside.splice(-2)) one[Symbol.dispose]();
      advance(10);
    }
    expect(changes).toEqual([0]);
  });

  it('takes and gives back several places at once, all or none of them', async () => {
    const { clock } = movableClock();
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 10, clock });
    expect([gate.takePlaces(8), gate.takePlaces(3), gate.takePlaces(2)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([gate.queueDepth, gate.state]).toEqual([10, 'shedding']);
    let enteredCount = 0;
    const onEnter = (): void => void (enteredCount += 1);
    const waiting = [1, 2, 3].map(() => gate.waitForPlace({ onEnter }));
    gate.freePlaces(2);
    expect([enteredCount, gate.waitingCount, gate.takePlaces(1)]).toEqual([2, 1, false]);
    gate.freePlaces(10);
    await Promise.all(waiting);
    expect([enteredCount, gate.queueDepth]).toEqual([3, 1]);
    gate[Symbol.dispose]();
    expect(() => gate.takePlaces(1)).toThrow(
      expect.objectContaining({ code: 'DW_SCALING_CLOSED' }),
    );
  });

  it('turns away those who wait, and whoever comes later, when it is disposed', async () => {
    const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 1 });
    const inside = gate.tryEnter();
    const waiting = gate.enter();
    gate[Symbol.dispose]();
    await expect(waiting).rejects.toMatchObject({ code: 'DW_SCALING_CLOSED' });
    await expect(gate.enter()).rejects.toMatchObject({ code: 'DW_SCALING_CLOSED' });
    expect(() => gate.tryEnter()).toThrow(expect.objectContaining({ code: 'DW_SCALING_CLOSED' }));
    inside[Symbol.dispose]();
    expect(gate.queueDepth).toBe(0);
  });
});
