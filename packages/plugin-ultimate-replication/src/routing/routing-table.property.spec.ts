import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, plainName } from './route-pattern.js';
import { type Route, RoutingTable } from './routing-table.js';

/** Tries every route in order: what the index must not change. */
function scan(routes: readonly Route[], namespace: string, key: string): string | undefined {
  let first: string | undefined;
  for (const [position, route] of routes.entries()) {
    const { matches } = compilePattern(route.pattern);
    const fits = (name: string): boolean => matches(plainName(name));
    if (fits(namespace)) first ??= `namespace ${position}`;
    else if (fits(`${namespace}/${key}`)) return `key ${position}`;
  }
  return first;
}

const names = ['a', 'b', 'abc', 'abcd', 'cab', '.', '..', '.ab', 'ß', '日本', '😀', '*', 'a*', ''];
const globs = [
  ...names.map((name) => name.replaceAll('*', '\\*')),
  ...['*', '**', '?', '??', 'ab*', '*bc', 'a?c', '*b*', '[a-c]*', 'a[bx]c*', '{a,abc}', '{a,b}*'],
  ...['{ab,c}{,d}', '\\a', 'x{1..3}', '**a', '[!a]bc', '{a/b,abc}', '日?', '[]', 'a{b}c', '?*'],
];
const path = (segments: readonly string[], most: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...segments), { minLength: 1, maxLength: most })
    .map((chosen) => chosen.join('/'))
    .filter((text) => text !== '');

describe('RoutingTable', { timeout: 60_000 }, () => {
  it('decides every name as a scan of all routes in order would', () => {
    let decidedCount = 0;
    fc.assert(
      fc.property(
        fc.uniqueArray(path(globs, 3), { minLength: 2, maxLength: 14 }),
        fc.array(fc.tuple(path(names, 3), path(names, 2)), { minLength: 1, maxLength: 8 }),
        (patterns, objects) => {
          const routes = patterns.map((pattern) => ({ pattern, strategy: 'any' }));
          const table = RoutingTable.of(routes);
          for (const [namespace, key] of objects) {
            const match = table.match(namespace, key);
            const expected = scan(routes, namespace, key);
            if (expected !== undefined) decidedCount += 1;
            expect(match && `${match.kind} ${match.position}`).toBe(expected);
          }
        },
      ),
      { numRuns: 2_000 },
    );
    expect(decidedCount).toBeGreaterThan(100);
  });
});
