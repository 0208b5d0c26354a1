import { describe, expect, it } from 'vitest';
import { compilePattern, MAX_PATTERN_BYTES, plainName } from './route-pattern.js';

describe('compilePattern', () => {
  it.each([
    ['docs', 'docs', true],
    ['docs', 'docs/eu', false],
    ['docs/*', 'docs/eu', true],
    ['docs/*', 'docs/eu/x', false],
    ['docs/**', 'docs/eu/x', true],
    ['docs/**', 'docs', true],
    ['docs/**', 'docs-other', false],
    ['**', 'anything/at all', true],
    ['**/*.log', 'app/x.log', true],
    ['{eu,us}/*', 'us/x', true],
    ['[a-c]?', 'b1', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['日本/*', '日本/😀', true],
    ['!docs', 'other', false],
    ['!docs', '!docs', true],
    ['#docs', '#docs', true],
    ['private/**', 'private/.hidden', true],
    ['private/**', 'private/..', true],
    ['private/**', 'private/../x', true],
    ['private/*', 'private/.', true],
  ])('%j on %j is %j', (pattern, name, expected) => {
    expect(compilePattern(pattern).matches(plainName(name))).toBe(expected);
  });

  it.each(['', '\ud800', 'a[b', '{a,b', '{a..z}{a..z}', 'a'.repeat(MAX_PATTERN_BYTES + 1)])(
    'refuses %j',
    (pattern) => {
      expect(() => compilePattern(pattern)).toThrow(
        expect.objectContaining({ code: 'DW_REPLICATION_INVALID_PATTERN' }),
      );
    },
  );

  it('takes a bounded time on names made to be slow', () => {
    const startedMs = performance.now();
    const slow = ['*a*a*b', '*a'.repeat(250), '?*'.repeat(250), '**/*a/'.repeat(80)];
    slow.push('*[a-c]'.repeat(80), '**/a/'.repeat(100), '{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}/*a*b');
    for (const pattern of slow.map((part) => `${part}b`)) {
      const { matches } = compilePattern(pattern);
      matches('a'.repeat(1024));
      matches('a/'.repeat(1000));
    }
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
