import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../testing/manual-clock.js';
import { AbsentKeys } from './absent-keys.js';

describe('AbsentKeys', () => {
  it('knows a key for its time, counted from when it was last looked for', () => {
    const clock = new ManualClock();
    const keys = new AbsentKeys<string>(100, clock);
    keys.add('a');
    clock.advance(60);
    keys.add('a');
    clock.advance(99);
    expect([keys.has('a'), keys.has('b')]).toEqual([true, false]);
    clock.advance(1);
    expect(keys.has('a')).toBe(false);
  });

  it('keeps the latest 10 000, and none that are over', () => {
    const clock = new ManualClock();
    const keys = new AbsentKeys<number>(100, clock);
    for (let key = 0; key < 10_001; key += 1) keys.add(key);
    expect([keys.size, keys.has(0), keys.has(1), keys.has(10_000)]).toEqual([
      ...[10_000, false, true, true],
    ]);
    clock.advance(100);
    keys.add(0);
    expect(keys.size).toBe(1);
  });

  it('knows nothing without a time', () => {
    const keys = new AbsentKeys<string>(0, new ManualClock());
    keys.add('a');
    expect(keys.size).toBe(0);
  });
});
