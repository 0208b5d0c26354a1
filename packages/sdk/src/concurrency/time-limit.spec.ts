import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { withTimeLimit } from './time-limit.js';

function limited(signal?: AbortSignal) {
  const clock = new ManualClock();
  const late: unknown[] = [];
  const onLateFailure = (error: unknown): void => {
    late.push(error);
  };
  const error = (): Error => new Error('too late');
  return { clock, late, options: { limitMs: 100, clock, error, signal, onLateFailure } };
}

describe('withTimeLimit', () => {
  it('settles as the work does, and leaves nothing behind', async () => {
    const source = new AbortController();
    const { clock, late, options } = limited(source.signal);
    expect(await withTimeLimit(async () => 'done', options)).toBe('done');
    expect(await withTimeLimit(() => 'at once', options)).toBe('at once');
    const failed = withTimeLimit(() => Promise.reject(new Error('no')), options);
    await expect(failed).rejects.toThrow('no');
    const threw = withTimeLimit(() => {
      throw new Error('threw');
    }, options);
    await expect(threw).rejects.toThrow('threw');
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(source.signal, 'abort')).toEqual([]);
    expect(late).toEqual([]);
  });

  it('ends the wait when the time is over, and tells the work', async () => {
    const { clock, options } = limited();
    let reason: unknown;
    const waiting = withTimeLimit(
      (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            reason = signal.reason;
          });
        }),
      options,
    );
    clock.advance(99);
    expect(reason).toBeUndefined();
    clock.advance(1);
    await expect(waiting).rejects.toThrow('too late');
    expect(reason).toMatchObject({ message: 'too late' });
  });

  it('ends the wait with the reason of an abort, even one that the work itself causes', async () => {
    const source = new AbortController();
    const { clock, options } = limited(source.signal);
    const waiting = withTimeLimit(() => {
      source.abort(new Error('enough'));
      return new Promise(() => undefined);
    }, options);
    await expect(waiting).rejects.toThrow('enough');
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not begin work whose signal is aborted already', async () => {
    const { options } = limited(AbortSignal.abort(new Error('gone')));
    let isBegun = false;
    const waiting = withTimeLimit(() => {
      isBegun = true;
    }, options);
    await expect(waiting).rejects.toThrow('gone');
    expect(isBegun).toBe(false);
  });

  it('tells of a failure that comes too late, unless it only repeats the reason', async () => {
    const { clock, late, options } = limited();
    const failure = new Error('much later');
    const fails: (() => void)[] = [];
    const waiting = [
      withTimeLimit(() => new Promise((_, reject) => fails.push(() => reject(failure))), options),
      withTimeLimit(
        (signal) => new Promise((_, reject) => fails.push(() => reject(signal.reason as Error))),
        options,
      ),
    ];
    clock.advance(100);
    const settled = await Promise.allSettled(waiting);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    for (const fail of fails) fail();
    await new Promise(setImmediate);
    expect(late).toEqual([failure]);
  });
});
