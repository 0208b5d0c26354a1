import { describe, expect, it } from 'vitest';
import { FrequencySketch } from './frequency-sketch.js';
import { KeyHash, mixed } from './key-hash.js';

const never = Number.MAX_SAFE_INTEGER;

describe('FrequencySketch', () => {
  it('counts up to 15, never too low, hardly ever too high', () => {
    const sketch = new FrequencySketch();
    sketch.ensure(1_000);
    for (let key = 0; key < 1_000; key += 1) {
      for (let use = 0; use <= key % 20; use += 1) sketch.add(mixed(key + 1), never);
    }
    let tooHigh = 0;
    for (let key = 0; key < 1_000; key += 1) {
      const expected = Math.min(15, (key % 20) + 1);
      const count = sketch.count(mixed(key + 1));
      expect(count).toBeGreaterThanOrEqual(expected);
      if (count > expected) tooHigh += 1;
    }
    expect(tooHigh).toBeLessThan(10);
  });

  it('halves all counts after a sample, a piece at a time', () => {
    const sketch = new FrequencySketch();
    sketch.ensure(20_000);
    for (let use = 0; use < 8; use += 1) sketch.add(mixed(1), never);
    sketch.add(mixed(2), 9);
    for (let use = 0; use < 100; use += 1) sketch.add(mixed(3), never);
    expect(sketch.count(mixed(1))).toBe(4);
    expect(sketch.additionCount).toBeLessThan(60);
  });

  it('keeps the counts when it grows', () => {
    const sketch = new FrequencySketch();
    for (let use = 0; use < 5; use += 1) sketch.add(mixed(1), never);
    sketch.ensure(10_000);
    expect(sketch.count(mixed(1))).toBe(5);
  });
});

describe('KeyHash', () => {
  it('gives equal keys equal hashes, and others another one', () => {
    const hash = new KeyHash(12_345);
    const objects = [{}, {}, () => undefined];
    const keys = [
      '',
      'a',
      'b',
      'ab',
      'ba',
      0,
      1,
      -1,
      0.5,
      2 ** 40,
      true,
      5n,
      Symbol.iterator,
      ...objects,
    ];
    expect(new Set(keys.map((key) => hash.of(key))).size).toBe(keys.length);
    for (const key of keys) expect(hash.of(key)).toBe(hash.of(key));
  });

  it('hashes otherwise under another seed', () => {
    const hashes = [1, 2].map((seed) => new KeyHash(seed).of('key'));
    expect(hashes[0]).not.toBe(hashes[1]);
  });
});
