import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryQueue } from './expiry-queue.js';

describe('ExpiryQueue', () => {
  it('gives what is due in order of time, and nothing else', () => {
    const times = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 200 });
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 100 }), (some, nowMs) => {
        const queue = new ExpiryQueue<number>(() => true);
        for (const atMs of some) queue.add(atMs, atMs);
        const due: number[] = [];
        for (let next = queue.takeDue(nowMs); next !== undefined; next = queue.takeDue(nowMs)) {
          due.push(next);
        }
        expect(due).toEqual(some.filter((atMs) => atMs <= nowMs).sort((a, b) => a - b));
        expect(queue.size).toBe(some.length - due.length);
      }),
    );
  });

  it('passes over items that no longer count, and does not pile them up', () => {
    const current = new Map<number, object>();
    const queue = new ExpiryQueue<{ key: number }>((item) => current.get(item.key) === item);
    for (let round = 0; round < 10_000; round += 1) {
      const item = { key: round % 100 };
      current.set(item.key, item);
      queue.add(item, round);
    }
    expect(queue.size).toBeLessThan(300);
    let count = 0;
    while (queue.takeDue(Infinity) !== undefined) count += 1;
    expect(count).toBe(100);
  });
});
