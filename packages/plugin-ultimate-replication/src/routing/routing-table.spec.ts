import { describe, expect, it } from 'vitest';
import { RoutingTable } from './routing-table.js';

const table = RoutingTable.of([
  { pattern: 'critical/eu', strategy: 'first' },
  { pattern: 'critical/**', strategy: 'second' },
  { pattern: 'critical/eu/audit-*', strategy: 'third' },
  { pattern: 'logs', strategy: 'first' },
  { pattern: '**/*.tmp', strategy: 'fourth' },
]);

const decide = (namespace: string, key: string) => {
  const match = table.match(namespace, key);
  return match && `${match.kind} ${match.route.strategy}`;
};

describe('RoutingTable', () => {
  it('takes the first route that fits the namespace, in order', () => {
    expect(decide('critical/eu', 'k')).toBe('namespace first');
    expect(decide('critical/us', 'k')).toBe('namespace second');
    expect(decide('critical', 'k')).toBe('namespace second');
    expect(decide('other', 'k')).toBeUndefined();
  });

  it('takes a route about keys before routes about namespaces, wherever it stands', () => {
    expect(decide('critical/eu', 'audit-1')).toBe('key third');
    expect(decide('logs', 'x.tmp')).toBe('key fourth');
    expect(decide('other/x.tmp', 'k')).toBe('namespace fourth');
  });

  it('keeps the place of a route whose strategy changes, and puts new ones last', () => {
    const changed = table.with({ pattern: 'critical/eu', strategy: 'new' });
    expect(changed.routes[0]).toEqual({ pattern: 'critical/eu', strategy: 'new' });
    const added = table.with({ pattern: 'x', strategy: 'new' });
    expect(added.routes.at(-1)).toEqual({ pattern: 'x', strategy: 'new' });
    expect(table.size).toBe(5);
  });

  it('moves a route to a position, and leaves one out', () => {
    const moved = table.with({ pattern: 'logs', strategy: 'first' }, 0);
    expect(moved.routes.map(({ pattern }) => pattern)).toEqual([
      'logs',
      'critical/eu',
      'critical/**',
      'critical/eu/audit-*',
      '**/*.tmp',
    ]);
    expect(table.without('logs')?.size).toBe(4);
    expect(table.without('nobody')).toBeUndefined();
  });

  it('lets many patterns have one strategy', () => {
    const many = RoutingTable.of(
      Array.from({ length: 50 }, (_, index) => ({ pattern: `n${index}`, strategy: 'one' })),
    );
    expect(many.match('n49', 'k')?.route.strategy).toBe('one');
  });
});
