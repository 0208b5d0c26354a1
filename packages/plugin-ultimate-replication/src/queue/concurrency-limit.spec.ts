import { describe, expect, it } from 'vitest';
import { ConcurrencyLimit } from './concurrency-limit.js';

function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('ConcurrencyLimit', () => {
  it('runs at most so many at a time, and the others in order', async () => {
    const limit = new ConcurrencyLimit(2);
    const { open, opened } = gate();
    const started: number[] = [];
    const work = [1, 2, 3, 4].map((number) =>
      limit.run(async () => {
        started.push(number);
        await opened;
      }),
    );
    await Promise.resolve();
    expect(started).toEqual([1, 2]);
    limit.reconfigure(3);
    await Promise.resolve();
    expect(started).toEqual([1, 2, 3]);
    open();
    await Promise.all(work);
    expect(started).toEqual([1, 2, 3, 4]);
    expect(limit.running).toBe(0);
  });

  it('gives the place of a failure to the next', async () => {
    const limit = new ConcurrencyLimit(1);
    await expect(limit.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await limit.run(async () => 'yes')).toBe('yes');
  });

  it('takes back who waits when the signal is aborted', async () => {
    const limit = new ConcurrencyLimit(1);
    const { open, opened } = gate();
    const first = limit.run(() => opened);
    const gone = new AbortController();
    const second = limit.run(async () => 'never', gone.signal);
    gone.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    open();
    await first;
    expect(limit.running).toBe(0);
  });
});
