import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { historyOf, MAX_HISTORY_CHOICE } from '../testing/version-history.js';
import { mergeVersions, replaces } from './version-merge.js';

const historyArbitrary = fc
  .array(fc.nat({ max: MAX_HISTORY_CHOICE }), { maxLength: 30 })
  .map(historyOf);

describe('mergeVersions', () => {
  it('is commutative, associative and idempotent over the states that nodes can be in', () => {
    fc.assert(
      fc.property(historyArbitrary, ({ states }) => {
        const [a = [], b = [], c = []] = states;
        expect(mergeVersions(a, b)).toEqual(mergeVersions(b, a));
        expect(mergeVersions(mergeVersions(a, b), c)).toEqual(
          mergeVersions(a, mergeVersions(b, c)),
        );
        expect(mergeVersions(a, a)).toEqual(a);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives one state for all versions, in any order, grouping and repetition', () => {
    const scheduled = historyArbitrary.chain((history) =>
      fc.record({
        history: fc.constant(history),
        order: fc.shuffledSubarray([...history.versions, ...history.versions], {
          minLength: history.versions.length * 2,
        }),
        batchLength: fc.integer({ min: 1, max: 5 }),
      }),
    );
    fc.assert(
      fc.property(scheduled, ({ history, order, batchLength }) => {
        let state = mergeVersions([], []);
        for (let at = 0; at < order.length; at += batchLength) {
          state = mergeVersions(state, mergeVersions([], order.slice(at, at + batchLength)));
        }
        expect(state).toEqual(mergeVersions([], history.versions));
        expect(state).toEqual(
          history.states.reduce(mergeVersions, mergeVersions([], history.versions)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('decides alike between contents that a node gave one version', () => {
    fc.assert(
      fc.property(historyArbitrary, ({ versions }) => {
        for (const record of versions) {
          const other = { ...record, payload: { digest: 'other', sizeBytes: 1 } };
          expect(mergeVersions([record], [other])).toEqual(mergeVersions([other], [record]));
        }
      }),
    );
  });
});

describe('replaces', () => {
  it('is transitive, and never holds both ways or of a version and itself', () => {
    fc.assert(
      fc.property(historyArbitrary, ({ versions }) => {
        for (const a of versions) {
          expect(replaces(a, a)).toBe(false);
          for (const b of versions.filter((other) => replaces(a, other))) {
            expect(replaces(b, a)).toBe(false);
            for (const c of versions.filter((other) => replaces(b, other))) {
              expect(replaces(a, c)).toBe(true);
            }
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
