import { describe, expect, it } from 'vitest';
import { ProgressBar } from './progress-bar.js';

function setUp(total: number, columns = 120) {
  let nowMs = 0;
  let written = '';
  const clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    setTimeout: () => ({ [Symbol.dispose]: () => undefined }),
  };
  const terminal = { columns, write: (text: string) => void (written += text) };
  const bar = new ProgressBar({ label: 'copying', total, unit: 'bytes', terminal, clock });
  return {
    bar,
    pass: (byMs: number) => void (nowMs += byMs),
    lastLine: () => written.split('\r').at(-1) ?? '',
    drawnCount: () => written.split('\r').length - 1,
  };
}

describe('ProgressBar', () => {
  it('shows the share, the rate and the time left', () => {
    const { bar, pass, lastLine } = setUp(4 * 1024 ** 2);
    pass(1000);
    bar.advance(1024 ** 2);
    expect(lastLine()).toContain('[======                  ]');
    expect(lastLine()).toContain('25 %  1.0 MiB of 4.0 MiB  1.0 MiB/s  3.0 s left');
    bar[Symbol.dispose]();
  });

  it('draws at most ten times a second', () => {
    const { bar, pass, drawnCount } = setUp(1000);
    for (let index = 0; index < 100; index += 1) {
      pass(10);
      bar.advance(1);
    }
    expect(drawnCount()).toBeLessThanOrEqual(11);
    bar[Symbol.dispose]();
  });

  it('ends with its time and a line break, once', () => {
    const { bar, pass, lastLine } = setUp(10);
    pass(2000);
    bar.advance(10);
    bar[Symbol.dispose]();
    bar[Symbol.dispose]();
    expect(lastLine()).toContain('100 %');
    expect(lastLine().endsWith('in 2.0 s\u001b[K\n')).toBe(true);
  });

  it('shows amount and rate where the total is not known', () => {
    const { bar, pass, lastLine } = setUp(0);
    pass(1000);
    bar.advance(2048);
    expect(lastLine()).toContain('copying  2.0 KiB  2.0 KiB/s');
    bar[Symbol.dispose]();
  });

  it('never fills the last column', () => {
    const { bar, lastLine } = setUp(10, 30);
    expect(lastLine().replace('\u001b[K', '').length).toBeLessThan(30);
    bar[Symbol.dispose]();
  });
});
