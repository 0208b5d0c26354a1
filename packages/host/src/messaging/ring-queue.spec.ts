import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingQueue } from './ring-queue.js';

describe('RingQueue', () => {
  it('gives items in the order in which it got them', () => {
    const step = fc.record({
      pushes: fc.nat(3000),
      shifts: fc.nat(3000),
      isTogether: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const queue = new RingQueue<number>();
        let next = 0;
        let first = 0;
        for (const { pushes, shifts, isTogether } of steps) {
          const items = Array.from({ length: pushes }, () => next++);
          if (isTogether) queue.pushSome([-1, ...items, -1], 1, pushes + 1);
          else for (const item of items) queue.push(item);
          for (let count = 0; count < shifts; count += 1) {
            expect(queue.shift()).toBe(first < next ? first++ : undefined);
          }
          expect(queue.length).toBe(next - first);
        }
        queue.clear();
        expect([queue.length, queue.shift()]).toEqual([0, undefined]);
      }),
      { numRuns: 30 },
    );
  });
});
