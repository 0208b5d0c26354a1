import { topicMatcher } from '@datawarehouse/sdk';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TopicIndex } from './topic-index.js';

const word = fc.constantFrom('a', 'b', 'c');
const topicName = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('.'));
const pattern = fc
  .tuple(
    fc.array(fc.oneof(word, fc.constant('*')), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([words, isOpen, isAll]) => (isAll ? '>' : [...words, ...(isOpen ? ['>'] : [])].join('.')));

describe('TopicIndex', () => {
  it('finds what testing every pattern finds, and is bare when all have left', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(pattern, fc.boolean()), { maxLength: 30 }),
        topicName,
        (patterns, topic) => {
          const index = new TopicIndex<number>();
          for (const [order, [each]] of patterns.entries()) index.add(each, order);
          for (const [order, [each, isGone]] of patterns.entries()) {
            if (isGone) index.remove(each, order);
          }
          const expected = [...patterns.entries()]
            .filter(([, [each, isGone]]) => !isGone && topicMatcher(each)(topic))
            .map(([order]) => order);
          expect([...index.find(topic)].sort((one, other) => one - other)).toEqual(expected);
          for (const [order, [each]] of patterns.entries()) index.remove(each, order);
          expect(index.isEmpty).toBe(true);
        },
      ),
    );
  });
});
