import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import type { BackpressureState, BackpressureStrategy } from './backpressure.js';
import { BackpressureGate } from './backpressure-gate.js';

/** Items of 100 that bring a gate into each state. */
const depths = { normal: 50, warning: 75, critical: 90, shedding: 97 } as const;

/** What became of one more item. */
type Outcome = `admitted at ${number}` | 'waits' | 'shed' | 'admitted after a drop';

interface Case {
  readonly strategy: BackpressureStrategy;
  readonly state: BackpressureState;
  readonly outcome: Outcome;
  readonly depth?: number;
  readonly isDroppable?: boolean;
  /** Time that passed since items entered; nothing left meanwhile. */
  readonly stillMs?: number;
}

const rows = (
  strategy: BackpressureStrategy,
  [normal, warning, critical, shedding, atLimit]: readonly [
    Outcome,
    Outcome,
    Outcome,
    Outcome,
    Outcome,
  ],
  more: Pick<Case, 'isDroppable' | 'stillMs'> = {},
): readonly Case[] => [
  { strategy, state: 'normal', outcome: normal, ...more },
  { strategy, state: 'warning', outcome: warning, ...more },
  { strategy, state: 'critical', outcome: critical, ...more },
  { strategy, state: 'shedding', outcome: shedding, ...more },
  { strategy, state: 'shedding', outcome: atLimit, depth: 100, ...more },
];

const all = 'admitted at 1';

const table: readonly Case[] = [
  ...rows('blockProducer', [all, all, all, all, 'waits']),
  ...rows('shedLoad', [all, all, all, 'shed', 'shed']),
  ...rows('dropOldest', [all, all, all, all, 'shed']),
  ...rows('dropOldest', [all, all, all, all, 'admitted after a drop'], { isDroppable: true }),
  ...rows('degradeQuality', [
    'admitted at 1',
    'admitted at 0.75',
    'admitted at 0.5',
    'admitted at 0.25',
    'waits',
  ]),
  ...rows('adaptive', [all, 'admitted at 0.75', 'admitted at 0.5', all, 'waits']),
  ...rows('adaptive', [all, 'admitted at 0.75', 'admitted at 0.5', 'shed', 'shed'], {
    stillMs: 5000,
  }),
  ...rows('adaptive', [all, 'admitted at 0.75', 'admitted at 0.5', all, 'admitted after a drop'], {
    isDroppable: true,
    stillMs: 5000,
  }),
];

async function outcomeOf(gate: BackpressureGate): Promise<Outcome> {
  const droppedBefore = gate.droppedCount;
  const abort = new AbortController();
  const entering = gate.enter({ signal: abort.signal }).then(
    ({ qualityRatio }): Outcome =>
      gate.droppedCount > droppedBefore ? 'admitted after a drop' : `admitted at ${qualityRatio}`,
    (error: unknown): Outcome => (error === 'enough' ? 'waits' : 'shed'),
  );
  await Promise.resolve();
  if (gate.waitingCount > 0) abort.abort('enough');
  return entering;
}

describe('the strategies', () => {
  it.each(table)(
    '$strategy, $state, depth $depth, droppable $isDroppable, still for $stillMs: $outcome',
    async ({ strategy, state, outcome, depth = depths[state], isDroppable, stillMs = 0 }) => {
      const clock = new ManualClock();
      const gate = new BackpressureGate({
        subsystemName: 'x',
        maxQueueDepth: 100,
        clock,
        strategy,
      });
      // All at once would choose before time has passed, so the last ones come after it.
      gate.reconfigure({ strategy: 'blockProducer' });
      for (let count = 0; count < depth; count += 1) {
        gate.tryEnter(isDroppable === true ? { droppable: { id: `${count}` } } : {});
      }
      clock.advance(stillMs);
      gate.reconfigure({ strategy });
      expect(gate.state).toBe(state);
      expect(await outcomeOf(gate)).toBe(outcome);
      expect(gate.queueDepth).toBeLessThanOrEqual(100);
    },
  );

  it('covers every state with every strategy', () => {
    const pairs = new Set(table.map(({ strategy, state }) => `${strategy} ${state}`));
    expect(pairs.size).toBe(4 * 5);
  });
});
