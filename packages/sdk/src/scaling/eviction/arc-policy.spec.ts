import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlotTable } from '../cache/slot-table.js';
import { ArcPolicy } from './arc-policy.js';

/** The paper's algorithm, case by case, on plain lists from LRU to MRU; with D, removing a page. */
class PaperArc {
  p = 0;
  t1: number[] = [];
  t2: number[] = [];
  b1: number[] = [];
  b2: number[] = [];

  constructor(readonly c: number) {}

  request(x: number): void {
    if (this.t1.includes(x) || this.t2.includes(x)) {
      this.#drop(x);
      this.t2.push(x);
    } else if (this.b1.includes(x)) {
      this.p = Math.min(this.c, this.p + Math.max(1, this.b2.length / this.b1.length));
      this.#replace(false);
      this.#drop(x);
      this.t2.push(x);
    } else if (this.b2.includes(x)) {
      this.p = Math.max(0, this.p - Math.max(1, this.b1.length / this.b2.length));
      this.#replace(true);
      this.#drop(x);
      this.t2.push(x);
    } else {
      this.#miss();
      this.t1.push(x);
    }
  }

  /** A cached page goes without having been asked to: no ghost, and one place is free. */
  remove(x: number): void {
    this.t1 = this.t1.filter((page) => page !== x);
    this.t2 = this.t2.filter((page) => page !== x);
  }

  #miss(): void {
    if (this.t1.length + this.b1.length === this.c) {
      if (this.t1.length < this.c) {
        this.b1.shift();
        this.#replace(false);
      } else {
        this.t1.shift();
      }
      return;
    }
    const total = this.t1.length + this.t2.length + this.b1.length + this.b2.length;
    if (total < this.c) return;
    if (total === 2 * this.c) this.b2.shift();
    this.#replace(false);
  }

  #replace(isInB2: boolean): void {
    if (this.t1.length + this.t2.length < this.c) return;
    const size = this.t1.length;
    if (size >= 1 && ((isInB2 && size === this.p) || size > this.p || this.t2.length === 0)) {
      this.b1.push(this.t1.shift() ?? 0);
    } else {
      this.b2.push(this.t2.shift() ?? 0);
    }
  }

  #drop(x: number): void {
    for (const list of [this.t1, this.t2, this.b1, this.b2]) {
      const index = list.indexOf(x);
      if (index >= 0) list.splice(index, 1);
    }
  }
}

function cacheOf(capacity: number) {
  const table = new SlotTable<number, true>();
  const policy = new ArcPolicy(table, 0);
  policy.capacity = capacity;
  const entryOf = (key: number): number | undefined => {
    const slot = table.slots.get(key);
    return slot === undefined || table.valueAt(slot) === undefined ? undefined : slot;
  };
  const room = (): void => {
    if ([...table.slots.keys()].filter((key) => entryOf(key) !== undefined).length < capacity)
      return;
    table.values[policy.evict()] = undefined;
  };
  return {
    table,
    policy,
    request(key: number): void {
      const entry = entryOf(key);
      if (entry !== undefined) {
        policy.hit(entry);
        return;
      }
      const ghost = table.slots.get(key);
      if (ghost !== undefined) policy.revive(ghost);
      room();
      if (ghost !== undefined) table.values[ghost] = true;
      policy.insert(ghost ?? table.add(key, true));
    },
    remove(key: number): void {
      const entry = entryOf(key);
      if (entry === undefined) return;
      policy.remove(entry);
      table.release(entry);
    },
    keysOf: (ring: number) => table.ring(ring).map((slot) => table.keyAt(slot)),
  };
}

describe('ArcPolicy', () => {
  it('takes the same steps as the paper, also after removals', () => {
    const step = fc.record({ key: fc.nat(24), removes: fc.integer({ min: 0, max: 9 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(step, { maxLength: 300 }),
        (capacity, steps) => {
          const paper = new PaperArc(capacity);
          const cache = cacheOf(capacity);
          for (const { key, removes } of steps) {
            if (removes === 0) {
              paper.remove(key);
              cache.remove(key);
            } else {
              paper.request(key);
              cache.request(key);
            }
            const [target] = cache.policy.state;
            expect(target).toBeCloseTo(paper.p, 9);
            const lists = [paper.t1, paper.t2, paper.b1, paper.b2];
            for (const [ring, list] of lists.entries()) {
              expect(cache.keysOf(ring).reverse()).toEqual(list);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('fills up again after removals', () => {
    const cache = cacheOf(8);
    for (let round = 0; round < 4; round += 1) {
      for (let key = 0; key < 16; key += 1) cache.request(key);
    }
    for (let key = 0; key < 16; key += 1) cache.remove(key);
    for (let key = 100; key < 108; key += 1) cache.request(key);
    const [, recent, frequent] = cache.policy.state;
    expect(recent + frequent).toBe(8);
  });

  it('forgets ghosts when it may hold less', () => {
    const cache = cacheOf(100);
    for (let key = 0; key < 200; key += 1) cache.request(key % 150);
    for (let key = 0; key < 100; key += 1) cache.remove(key);
    cache.policy.capacity = 10;
    while (cache.policy.trim(7));
    const [, recent, frequent, recentGhosts, frequentGhosts] = cache.policy.state;
    expect(recentGhosts).toBeLessThanOrEqual(Math.max(0, 10 - recent));
    expect(recent + frequent + recentGhosts + frequentGhosts).toBe(cache.table.slots.size);
  });
});
