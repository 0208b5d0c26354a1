import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fnv1a } from './fnv1a.js';
import { PriorityQueue } from './priority-queue.js';
import { priorityScore } from './priority-score.js';

describe('PriorityQueue', () => {
  it('gives what a stable sort would', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(20), fc.constant('pop' as const))), (steps) => {
        const queue = new PriorityQueue<number>();
        const model: { readonly score: number; readonly id: number }[] = [];
        for (const [id, step] of steps.entries()) {
          if (step === 'pop') {
            model.sort((a, b) => b.score - a.score || a.id - b.id);
            expect(queue.pop()).toBe(model.shift()?.id);
          } else {
            queue.push(id, step);
            model.push({ score: step, id });
          }
          expect(queue.size).toBe(model.length);
        }
      }),
    );
  });
});

describe('fnv1a', () => {
  // From the test vectors of the algorithm's authors.
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['b', 0xe70c2de5],
    ['foobar', 0xbf9cf968],
    ['chongo was here!\n', 0xd49930d5],
  ])('hashes %j as published', (text, hash) => {
    expect(fnv1a(text)).toBe(hash);
  });
});

describe('priorityScore', () => {
  const base = { priority: 50, action: 'passive', deliveryMode: 'unicast' } as const;
  const hour = 3_600_000;

  it.each([
    [{}, 1, 50],
    [{ expiresAt: hour }, 1, 70],
    [{ expiresAt: 24 * hour }, 1, 60],
    [{ expiresAt: 24 * hour + 1 }, 1, 50],
    [{ action: 'execute' }, 1, 65],
    [{ action: 'interactive' }, 1, 60],
    [{ action: 'notify' }, 1, 55],
    [{ action: 'custom' }, 1, 55],
    [{ deliveryMode: 'broadcast' }, 100, 50],
    [{ deliveryMode: 'broadcast' }, 101, 45],
    [{ priority: 0, deliveryMode: 'broadcast' }, 1000, 0],
    [{ priority: 100, action: 'execute', expiresAt: 1 }, 1, 135],
  ] as const)('of %j to %d targets is %d', (changes, targets, score) => {
    expect(priorityScore({ ...base, ...changes }, targets, 0)).toBe(score);
  });
});
