import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions } from './object-version.js';
import {
  boundVector,
  covers,
  joinVectors,
  vectorOf,
  vectorSchema,
  vectorTexts,
} from './version-vector.js';

const version = fc.record({
  physicalMs: fc.nat({ max: 5 }),
  logical: fc.nat({ max: 2 }),
  nodeId: fc.constantFrom('a', 'b', 'c.d'),
});

describe('a version vector', () => {
  it('covers what it was made of and what came before on the same nodes, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(version), version, (seen, other) => {
        const isCovered = seen.some(
          (one) => one.nodeId === other.nodeId && compareVersions(one, other) >= 0,
        );
        expect(covers(vectorOf(seen), other)).toBe(isCovered);
      }),
    );
  });

  it('joined with others covers what any of them covers', () => {
    fc.assert(
      fc.property(fc.array(fc.array(version)), version, (groups, other) => {
        const vectors = groups.map(vectorOf);
        const isCovered = vectors.some((vector) => covers(vector, other));
        expect(covers(joinVectors(vectors), other)).toBe(isCovered);
      }),
    );
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(version), (seen) => {
        const vector = vectorOf(seen);
        expect(vectorSchema.parse(vectorTexts(vector))).toEqual(vector);
      }),
    );
  });

  it('remembers the 64 nodes with the latest versions', () => {
    const versions = Array.from({ length: 100 }, (_, index) => ({
      ...{ physicalMs: index, logical: 0, nodeId: `n${index}` },
    }));
    const bound = boundVector(vectorOf(versions));
    expect(bound.size).toBe(64);
    for (const one of versions) expect(covers(bound, one)).toBe(one.physicalMs >= 36);
  });
});
