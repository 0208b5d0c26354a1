import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingQueue } from './ring-queue.js';

describe('RingQueue', () => {
  it('gives items in the order in which it got them', () => {
    const step = fc.record({ pushes: fc.nat(3000), shifts: fc.nat(3000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const queue = new RingQueue<number>();
        let next = 0;
        let first = 0;
        for (const { pushes, shifts } of steps) {
          for (let count = 0; count < pushes; count += 1) queue.push(next++);
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
