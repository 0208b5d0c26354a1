import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ConcurrencyLimit } from './concurrency-limit.js';

function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('ConcurrencyLimit', () => {
  it('runs at most so many at a time, the others in order, and more after it was raised', async () => {
    const limit = new ConcurrencyLimit(2);
    const { open, opened } = gate();
    const started: number[] = [];
    const work = [1, 2, 3, 4].map((number) =>
      limit.run(async () => {
        started.push(number);
        await opened;
      }),
    );
    await turn();
    expect(started).toEqual([1, 2]);
    expect([limit.running, limit.waiting]).toEqual([2, 2]);
    limit.reconfigure(3);
    await turn();
    expect(started).toEqual([1, 2, 3]);
    open();
    await Promise.all(work);
    expect(started).toEqual([1, 2, 3, 4]);
    expect([limit.running, limit.waiting]).toEqual([0, 0]);
  });

  it('starts fewer as others end after it was lowered', async () => {
    const limit = new ConcurrencyLimit(2);
    const [first, second] = await Promise.all([limit.enter(), limit.enter()]);
    limit.reconfigure(1);
    expect([limit.maxConcurrent, limit.running]).toEqual([1, 2]);
    const third = limit.enter();
    first[Symbol.dispose]();
    expect([limit.running, limit.waiting]).toEqual([1, 1]);
    second[Symbol.dispose]();
    await third;
    expect([limit.running, limit.waiting]).toEqual([1, 0]);
  });

  it('gives a place back once, however often it is disposed', async () => {
    const limit = new ConcurrencyLimit(1);
    const first = await limit.enter();
    const [second, third] = [limit.enter(), limit.enter()];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    const place = await second;
    expect([limit.running, limit.waiting]).toEqual([1, 1]);
    place[Symbol.dispose]();
    await third;
  });

  it('lets nobody who comes later go before those who wait', async () => {
    const limit = new ConcurrencyLimit(1);
    const order: string[] = [];
    const place = await limit.enter();
    const waiting = limit.run(() => order.push('waited'));
    place[Symbol.dispose]();
    const late = limit.run(() => order.push('came later'));
    await Promise.all([waiting, late]);
    expect(order).toEqual(['waited', 'came later']);
  });

  it('gives the place of a failure to the next', async () => {
    const limit = new ConcurrencyLimit(1);
    await expect(limit.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const threw = limit.run(() => {
      throw new Error('threw');
    });
    await expect(threw).rejects.toThrow('threw');
    expect(await limit.run(() => 'yes')).toBe('yes');
  });

  it('gives up a wait that is aborted, and the place goes to the next', async () => {
    const limit = new ConcurrencyLimit(1);
    const place = await limit.enter();
    const stop = new AbortController();
    const { signal } = stop;
    const aborted = limit.run(() => 'never', { signal });
    const next = limit.run(() => 'ran');
    stop.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(limit.enter({ signal })).rejects.toThrow('enough');
    place[Symbol.dispose]();
    expect(await next).toBe('ran');
    expect(limit.running).toBe(0);
  });

  it('leaves nothing in the signal of one that got its place', async () => {
    const limit = new ConcurrencyLimit(1);
    const { signal } = new AbortController();
    const place = await limit.enter({ signal });
    const next = limit.enter({ signal });
    place[Symbol.dispose]();
    await next;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a limit of %d', (bad) => {
    expect(() => new ConcurrencyLimit(bad)).toThrow(TypeError);
    const limit = new ConcurrencyLimit(2);
    expect(() => limit.reconfigure(bad)).toThrow(TypeError);
    expect(limit.maxConcurrent).toBe(2);
  });
});
