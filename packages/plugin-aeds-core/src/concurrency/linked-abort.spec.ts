import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LinkedAbort } from './linked-abort.js';

describe('LinkedAbort', () => {
  it('aborts with the reason of the first of its sources, also of one that was aborted before', () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const linked = new LinkedAbort(one.signal, two.signal);
    two.abort('two');
    one.abort('one');
    expect(linked.signal.reason).toBe('two');
    expect(new LinkedAbort(one.signal).signal.reason).toBe('one');
  });

  it('aborts by itself, and leaves nothing behind', () => {
    const source = new AbortController();
    const linked = new LinkedAbort(source.signal);
    linked.abort('own');
    expect(linked.signal.reason).toBe('own');
    expect(source.signal.aborted).toBe(false);
    linked[Symbol.dispose]();
    expect(getEventListeners(source.signal, 'abort')).toEqual([]);
  });
});
