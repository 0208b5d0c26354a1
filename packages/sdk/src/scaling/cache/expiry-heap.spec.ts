import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryHeap } from './expiry-heap.js';

describe('ExpiryHeap', () => {
  it('knows what expires first, whatever is set and removed', () => {
    const step = fc.record({
      slot: fc.integer({ min: 1, max: 40 }),
      atMs: fc.oneof(fc.nat(100), fc.constant(Infinity)),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new ExpiryHeap();
        const times = new Map<number, number>();
        for (const { slot, atMs } of steps) {
          heap.set(slot, atMs);
          if (atMs === Infinity) times.delete(slot);
          else times.set(slot, atMs);
          expect(heap.count).toBe(times.size);
          if (times.size > 0) expect(heap.timeOf(heap.first)).toBe(Math.min(...times.values()));
          const due = [...times.values()].filter((timeMs) => timeMs <= 50);
          expect(heap.countDue(50)).toBe(due.length);
        }
      }),
    );
  });
});
