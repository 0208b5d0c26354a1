import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration } from './units.js';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [24 * 1024 ** 2, '24.0 MiB'],
    [5 * 1024 ** 5, '5120.0 TiB'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0.0 s'],
    [59_900, '59.9 s'],
    [59_999, '1 m 00 s'],
    [125_000, '2 m 05 s'],
    [3 * 3_600_000 + 600_000, '3 h 10 m'],
  ])('writes %d ms as %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });
});
