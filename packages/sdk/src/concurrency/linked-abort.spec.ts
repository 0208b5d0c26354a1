import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { LinkedAbort } from './linked-abort.js';

describe('LinkedAbort', () => {
  it('aborts with the reason of the first of its sources, also of one that was aborted before', () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const linked = new LinkedAbort(one.signal, undefined, two.signal);
    two.abort('two');
    one.abort('one');
    expect(linked.signal.reason).toBe('two');
    expect(
      new LinkedAbort(new AbortController().signal, one.signal, two.signal).signal.reason,
    ).toBe('one');
  });

  it('aborts by itself, and not its sources', () => {
    const source = new AbortController();
    const linked = new LinkedAbort(source.signal);
    linked.abort('own');
    linked.abort('again');
    source.abort('late');
    expect(linked.signal.reason).toBe('own');
    expect(new LinkedAbort(undefined).signal.aborted).toBe(false);
  });

  it.each([
    ['disposed', (linked: LinkedAbort) => linked[Symbol.dispose]()],
    ['aborted', (linked: LinkedAbort) => linked.abort()],
  ])('leaves nothing behind once it is %s', (_, end) => {
    const clock = new ManualClock();
    const [one, two] = [new AbortController(), new AbortController()];
    const linked = new LinkedAbort(one.signal, two.signal);
    linked.abortAfter(100, { clock });
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(1);
    end(linked);
    const { aborted } = linked.signal;
    for (const { signal } of [one, two]) expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    two.abort();
    expect(linked.signal.aborted).toBe(aborted);
  });

  it('leaves nothing in the sources before one that was aborted already', () => {
    const [one, two] = [new AbortController(), new AbortController()];
    two.abort();
    new LinkedAbort(one.signal, two.signal);
    expect(getEventListeners(one.signal, 'abort')).toEqual([]);
  });

  it('aborts when its time is over, for the reason of that moment', () => {
    const clock = new ManualClock();
    const linked = new LinkedAbort();
    let reason = 'early';
    linked.abortAfter(10, { clock });
    linked.abortAfter(100, { clock, reason: () => reason });
    expect(clock.pendingTimers).toBe(1);
    clock.advance(99);
    expect(linked.signal.aborted).toBe(false);
    reason = 'late';
    clock.advance(1);
    expect(linked.signal.reason).toBe('late');
    linked.abortAfter(100, { clock });
    expect(clock.pendingTimers).toBe(0);
  });

  it('says by itself that time was the reason', async () => {
    using linked = new LinkedAbort();
    const aborted = new Promise((resolve) => linked.signal.addEventListener('abort', resolve));
    linked.abortAfter(1);
    // The timer alone does not keep the process alive.
    const alive = setInterval(() => undefined, 1_000);
    await aborted;
    clearInterval(alive);
    expect(linked.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('takes any number of listeners without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => {
      warnings.push(warning);
    };
    process.on('warning', onWarning);
    const { signal } = new LinkedAbort();
    for (let count = 0; count < 50; count += 1) signal.addEventListener('abort', () => count);
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
});
