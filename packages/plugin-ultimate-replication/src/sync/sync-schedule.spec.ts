import { silentLogger } from '@datawarehouse/sdk';
import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { SyncSchedule } from './sync-schedule.js';

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A schedule over two nodes, whose clock a test moves. */
function start(intervalMs: number, random = 0.5) {
  const clock = new ManualClock();
  const synced: string[] = [];
  const schedule = new SyncSchedule({
    ...{ intervalMs, clock, logger: silentLogger, random: () => random },
    targets: () => ['b', 'c'],
    sync: async (nodeId) => {
      synced.push(nodeId);
      if (nodeId === 'b') throw new Error('away');
    },
  });
  schedule.start();
  const pass = async (delayMs: number): Promise<readonly string[]> => {
    await settle();
    clock.advance(delayMs);
    await settle();
    return synced.splice(0);
  };
  return { schedule, pass };
}

describe('SyncSchedule', () => {
  it('takes its turn with every node, whatever becomes of the others', async () => {
    const { schedule, pass } = start(1_000_000);
    expect(await pass(999_999)).toEqual([]);
    expect(await pass(1)).toEqual(['b', 'c']);
    expect(await pass(1_000_000)).toEqual(['b', 'c']);
    await schedule.stop();
    expect(await pass(10_000_000)).toEqual([]);
  });

  it('comes up to a quarter early or late', async () => {
    const early = start(1_000_000, 0);
    expect(await early.pass(750_000)).toEqual(['b', 'c']);
    await early.schedule.stop();
    const late = start(1_000_000, 1);
    expect(await late.pass(1_249_999)).toEqual([]);
    expect(await late.pass(1)).toEqual(['b', 'c']);
    await late.schedule.stop();
  });

  it('comes at once when it is urgent, but not again and again', async () => {
    const { schedule, pass } = start(1_000_000);
    schedule.urge();
    expect(await pass(0)).toEqual(['b', 'c']);
    schedule.urge();
    expect(await pass(59_999)).toEqual([]);
    schedule.urge();
    expect(await pass(1)).toEqual(['b', 'c']);
    await schedule.stop();
  });

  it('never comes where the interval is 0', async () => {
    const { schedule, pass } = start(0);
    schedule.urge();
    expect(await pass(1e12)).toEqual([]);
    await schedule.stop();
  });
});
