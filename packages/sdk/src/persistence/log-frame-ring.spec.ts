import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogFrameRing } from './log-frame-ring.js';

describe('LogFrameRing', () => {
  it('gives back what was kept last, whatever the sizes, and never anything else', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3_000_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.boolean()), (some, isKept) => {
        const ring = new LogFrameRing();
        const kept: { sequence: number; size: number }[] = [];
        for (const [index, size] of some.entries()) {
          const memory = ring.reserve(size);
          expect(memory.length).toBe(size);
          const sequence = 2 * index + 1;
          memory.fill(sequence);
          if (isKept.next().value !== true) continue;
          ring.keep({ firstSequence: sequence, lastSequence: sequence + 1 }, memory);
          kept.push({ sequence, size });
        }
        for (const { sequence, size } of kept) {
          for (const asked of [sequence, sequence + 1]) {
            const found = ring.find(asked);
            if (found === undefined) continue;
            expect([found.length, found[0], found.at(-1)]).toEqual([size, sequence, sequence]);
          }
        }
        const last = kept.at(-1);
        const wasOverwritten = last?.sequence !== 2 * some.length - 1;
        if (last !== undefined && last.size <= 2 * 1024 * 1024 && !wasOverwritten) {
          expect(ring.find(last.sequence)?.length).toBe(last.size);
        }
        expect(ring.find(0)).toBeUndefined();
        expect(ring.find(2 * some.length + 1)).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });

  it('holds thousands of small frames', () => {
    const ring = new LogFrameRing();
    for (let sequence = 1; sequence <= 20_000; sequence += 1) {
      const memory = ring.reserve(300);
      memory.writeUInt32BE(sequence);
      ring.keep({ firstSequence: sequence, lastSequence: sequence }, memory);
    }
    expect(ring.find(20_000)?.readUInt32BE()).toBe(20_000);
    expect(ring.find(19_000)?.readUInt32BE()).toBe(19_000);
    expect(ring.find(1)).toBeUndefined();
  });
});
