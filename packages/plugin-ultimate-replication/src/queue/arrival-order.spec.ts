import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { ArrivalOrder } from './arrival-order.js';

function start() {
  const clock = new ManualClock();
  const order = new ArrivalOrder({ clock, limitMs: 1_000, maxWaiting: 2 });
  const abort = new AbortController();
  const passed: number[] = [];
  let position = 0;
  const wait = async (sequence: number): Promise<void> => {
    await order.wait('x', () => position + 1 >= sequence, abort.signal);
    passed.push(sequence);
  };
  const move = async (to: number): Promise<void> => {
    position = to;
    order.notify('x');
    await settle();
  };
  return { clock, abort, passed, wait, move };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe('ArrivalOrder', () => {
  it('holds what has overtaken another until that is done', async () => {
    const { passed, wait, move } = start();
    await wait(1);
    const later = [wait(21), wait(11)];
    await settle();
    expect(passed).toEqual([1]);
    await move(10);
    expect(passed).toEqual([1, 11]);
    await move(20);
    await Promise.all(later);
    expect(passed).toEqual([1, 11, 21]);
  });

  it('waits no longer than its limit, and no longer than the caller', async () => {
    const { abort, clock, passed, wait } = start();
    const late = wait(11);
    await settle();
    clock.advance(999);
    await settle();
    expect(passed).toEqual([]);
    clock.advance(1);
    await late;
    const given = wait(21);
    abort.abort();
    await given;
    await wait(31);
    expect(passed).toEqual([11, 21, 31]);
  });

  it('holds no more than so many', async () => {
    const { passed, wait, move } = start();
    const held = [wait(11), wait(12)];
    await wait(13);
    expect(passed).toEqual([13]);
    await move(20);
    await Promise.all(held);
    await wait(21);
    expect(passed).toEqual([13, 11, 12, 21]);
  });
});
