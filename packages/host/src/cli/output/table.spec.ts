import { describe, expect, it } from 'vitest';
import { drawTable } from './table.js';

describe('drawTable', () => {
  it('aligns columns, numbers to the right', () => {
    const lines = drawTable([
      { id: 'a', lag: 5, on: true },
      { id: 'longer', lag: 1200, on: false },
    ]);
    expect(lines).toEqual(['ID       LAG  ON', 'a          5  yes', 'longer  1200  no']);
  });

  it('shows what is missing as a dash, and a row of fewer keys as well', () => {
    expect(drawTable([{ a: undefined, b: 1 }, { a: 'x' }])).toEqual(['A  B', '-  1', 'x  -']);
  });

  it('draws nothing without rows', () => {
    expect(drawTable([])).toEqual([]);
  });

  it('keeps line breaks and escape sequences of names away from the terminal', () => {
    expect(drawTable([{ name: 'a\n\u001b[31mb' }])).toEqual(['NAME', 'a\u{fffd}\u{fffd}[31mb']);
  });
});
