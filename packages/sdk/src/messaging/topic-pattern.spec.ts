import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topicMatcher } from './topic-pattern.js';

describe('topicMatcher', () => {
  it.each([
    ['dw.cluster.changed', 'dw.cluster.changed', true],
    ['dw.cluster.changed', 'dw.cluster', false],
    ['dw.*.changed', 'dw.cluster.changed', true],
    ['dw.*.changed', 'dw.a.b.changed', false],
    ['dw.*', 'dw', false],
    ['*', 'dw', true],
    ['*.*', 'dw.cluster', true],
    ['dw.>', 'dw.cluster', true],
    ['dw.>', 'dw.cluster.membership.changed', true],
    ['dw.>', 'dw', false],
    ['dw.>', 'dwx.cluster', false],
    ['dw.*.>', 'dw.cluster.changed', true],
    ['dw.*.>', 'dw.cluster', false],
    ['>', 'anything.at.all', true],
  ])('%s and %s: %s', (pattern, name, expected) => {
    expect(topicMatcher(pattern)(name)).toBe(expected);
  });

  it.each(['', '.', 'dw.', 'dw..x', 'dw.>.x', 'dw.>x', 'dw.a*', 'DW', 'dw x', 'a'.repeat(201)])(
    'refuses the pattern %j',
    (pattern) => {
      expect(() => topicMatcher(pattern)).toThrow(
        expect.objectContaining({ code: 'DW_BUS_INVALID_TOPIC' }),
      );
    },
  );

  it('agrees with a transcription into a regular expression', () => {
    const word = fc.constantFrom('a', 'b', 'ab', '1-2');
    const name = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('.'));
    const head = fc.array(fc.oneof(word, fc.constant('*')), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(name, head, fc.boolean(), (topicName, words, isOpen) => {
        const pattern = [...words, ...(isOpen ? ['>'] : [])].join('.');
        const source = words.map((some) => (some === '*' ? '[^.]+' : some)).join('\\.');
        const expected = new RegExp(`^${source}${isOpen ? '(\\.[^.]+)+' : ''}$`).test(topicName);
        expect(topicMatcher(pattern)(topicName)).toBe(expected);
      }),
    );
  });
});
