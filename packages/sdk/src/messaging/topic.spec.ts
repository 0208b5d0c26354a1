import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { membershipChangedTopic } from '../distributed/cluster-membership.js';
import { parseMessage, topic } from './topic.js';

describe('topic', () => {
  it('joins a name with the shape of its messages', () => {
    const schema = z.object({ id: z.string() });
    const made = topic('dw.test.thing.made', schema);
    expect(made).toEqual({ name: 'dw.test.thing.made', schema });
    expect(Object.isFrozen(made)).toBe(true);
  });

  it.each(['', 'Dw.test', 'dw..test', '.dw', 'dw.', 'dw.*', 'dw.>', 'dw test', 'a'.repeat(201)])(
    'refuses the name %j',
    (name) => {
      expect(() => topic(name, z.string())).toThrow(
        expect.objectContaining({ code: 'DW_BUS_INVALID_TOPIC' }),
      );
    },
  );
});

describe('parseMessage', () => {
  it('returns what fits the schema', () => {
    const change = { action: 'joined', nodeId: 'n1', endpoint: 'http://127.0.0.1:7080' };
    expect(parseMessage(membershipChangedTopic, change)).toEqual(change);
  });

  it('names the topic and every issue of what does not', () => {
    const change = { action: 'exploded', nodeId: '../n1' };
    expect(() => parseMessage(membershipChangedTopic, change)).toThrow(
      expect.objectContaining({
        code: 'DW_BUS_INVALID_MESSAGE',
        details: {
          topic: 'dw.cluster.membership.changed',
          issues: [
            expect.objectContaining({ path: 'action' }),
            expect.objectContaining({ path: 'nodeId' }),
          ],
        },
      }),
    );
  });
});
