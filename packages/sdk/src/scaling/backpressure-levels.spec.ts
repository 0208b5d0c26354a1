import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { backpressureStates } from './backpressure.js';
import { BackpressureGate } from './backpressure-gate.js';

const dwellMs = 1000;

/** A gate of 100 places whose depth is set at will, and what it reports. */
function trembling() {
  const clock = new ManualClock();
  const gate = new BackpressureGate({ subsystemName: 'x', maxQueueDepth: 100, dwellMs, clock });
  const changes: { readonly atMs: number; readonly from: number; readonly to: number }[] = [];
  gate.onDidChangeState(({ previousState, currentState }) => {
    changes.push({
      atMs: clock.monotonicMs(),
      from: backpressureStates.indexOf(previousState),
      to: backpressureStates.indexOf(currentState),
    });
  });
  const setDepth = (depth: number) => {
    while (gate.queueDepth < depth) gate.takePlace();
    while (gate.queueDepth > depth) gate.freePlace();
  };
  return { clock, gate, changes, setDepth };
}

describe('states of a BackpressureGate', () => {
  // Amplitudes within the hysteresis and far beyond it.
  it.each([1, 5, 10, 15, 30, 65])(
    'change at most once a dwell time at each threshold, trembling by %i around it',
    (amplitude) => {
      for (const threshold of [70, 85, 95]) {
        const { clock, changes, setDepth } = trembling();
        for (let step = 0; step < 2000; step += 1) {
          const up = step % 2 === 0 ? amplitude : -amplitude;
          setDepth(Math.min(100, Math.max(0, threshold + up)));
          clock.advance(7);
        }
        expect(changes.length).toBeGreaterThan(0);
        expectDwell(changes);
      }
    },
  );

  it('change at most once a dwell time at each threshold, whatever the load does', () => {
    const step = fc.record({ depth: fc.nat(100), ms: fc.nat(400) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { clock, gate, changes, setDepth } = trembling();
        for (const { depth, ms } of steps) {
          setDepth(depth);
          clock.advance(ms);
        }
        expectDwell(changes);
        // What lasts longer than two dwell times shows, up and down.
        for (const [depth, state] of [[100, 'shedding'] as const, [0, 'normal'] as const]) {
          setDepth(depth);
          clock.advance(2 * dwellMs);
          expect(gate.state).toBe(state);
        }
      }),
    );
  });

  it('reach shedding at once when a flood comes', () => {
    const { gate, changes, setDepth } = trembling();
    setDepth(100);
    expect(gate.state).toBe('shedding');
    expect(changes.map(({ to }) => to)).toEqual([1, 2, 3]);
  });

  it('reach shedding within a dwell time when a flood comes right after a fall', () => {
    const { clock, gate, setDepth } = trembling();
    setDepth(90);
    clock.advance(dwellMs);
    setDepth(0);
    expect(gate.state).toBe('warning');
    setDepth(100);
    expect([gate.state, gate.takePlace()]).toEqual(['warning', false]);
    clock.advance(dwellMs);
    expect(gate.state).toBe('shedding');
  });

  it('are told no more, and no timer runs, once the gate is disposed', () => {
    const { clock, gate, changes, setDepth } = trembling();
    setDepth(100);
    setDepth(0);
    gate[Symbol.dispose]();
    expect(clock.pendingTimers).toBe(0);
    clock.advance(5 * dwellMs);
    expect(changes).toHaveLength(3);
  });
});

/** Two changes over one threshold are a dwell time apart. */
function expectDwell(
  changes: readonly { readonly atMs: number; readonly from: number; readonly to: number }[],
): void {
  for (const threshold of [1, 2, 3]) {
    const crossings = changes.filter(
      ({ from, to }) => Math.min(from, to) < threshold && Math.max(from, to) >= threshold,
    );
    for (const [index, { atMs }] of crossings.slice(1).entries()) {
      expect(atMs - (crossings[index]?.atMs ?? 0)).toBeGreaterThanOrEqual(dwellMs);
    }
  }
}
