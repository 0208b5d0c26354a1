import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeStored } from '../persistence/stored-json.js';
import { historyOf, MAX_HISTORY_CHOICE } from '../testing/version-history.js';
import {
  contextOf,
  decodeState,
  encodeState,
  type ObjectState,
  visibleOf,
} from './object-state.js';
import { covers } from './version-vector.js';

const historyArbitrary = fc
  .array(fc.nat({ max: MAX_HISTORY_CHOICE }), { maxLength: 30 })
  .map(historyOf);

const payload = { digest: `sha256:${'0f'.repeat(32)}`, sizeBytes: 7 };

const states = historyArbitrary.map(({ states: all }) =>
  all.flatMap(([first, ...others]): ObjectState[] => {
    if (first === undefined) return [];
    const sound = (record: typeof first) => ({ ...record, payload: record.payload && payload });
    return [[sound(first), ...others.map(sound)]];
  }),
);

describe('decodeState', () => {
  it('reads what encodeState wrote', () => {
    fc.assert(
      fc.property(states, (all) => {
        for (const state of all) expect(decodeState('p', encodeState(state))).toEqual(state);
      }),
    );
  });

  it('reads the one record that an earlier release stored', () => {
    const stored = encodeStored({
      ...{ v: 1, namespace: 'n', key: 'k', version: '5.0@a', basedOn: '3.0@b', payload },
      ...{ updatedAtMs: 9, strategy: 'asynchronous' },
    });
    const [record, ...others] = decodeState('p', stored);
    expect(others).toEqual([]);
    expect(record).toMatchObject({ namespace: 'n', payload, updatedAtMs: 9 });
    expect(record.floor).toEqual(record.version);
    expect(covers(record.context, { physicalMs: 3, logical: 0, nodeId: 'b' })).toBe(true);
  });

  it.each([
    ['no versions', { v: 2, namespace: 'n', key: 'k', versions: [] }],
    ['another form', { v: 3, namespace: 'n', key: 'k' }],
  ])('refuses %s', (_, stored) => {
    expect(() => decodeState('p', encodeStored(stored))).toThrow(
      expect.objectContaining({ code: 'DW_REPLICATION_RECORD_CORRUPT' }),
    );
  });
});

describe('a state', () => {
  it('has a context that covers all of it, and shows a deletion only where nothing else is', () => {
    fc.assert(
      fc.property(states, (all) => {
        for (const state of all) {
          for (const { version } of state) expect(covers(contextOf(state), version)).toBe(true);
          const live = state.filter((record) => record.payload !== undefined);
          expect(visibleOf(state)).toEqual(live[0]);
        }
      }),
    );
  });
});
