import { peerError, silentLogger } from '@datawarehouse/sdk';
import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { clusterError } from './cluster-errors.js';
import { Meetings, type MeetingsOptions } from './meetings.js';

function open(meet: MeetingsOptions['meet']): { meetings: Meetings; clock: ManualClock } {
  const clock = new ManualClock();
  return {
    clock,
    meetings: new Meetings({ meet, clock, logger: silentLogger, random: () => 1 }),
  };
}

const target = { key: 'n2', endpoint: () => 'http://127.0.0.1:1' };

describe('Meetings', () => {
  it('tries until the node is reached, ever more slowly, at least every 30 seconds', async () => {
    const attempts: number[] = [];
    const { meetings, clock } = open(async () => {
      attempts.push(clock.monotonicMs());
      if (attempts.length < 10) throw peerError('DW_PEER_UNREACHABLE');
    });
    meetings.begin(target);
    await clock.elapse(600_000);
    const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    await meetings.close();
  });

  it('pursues a node once, and again after it was reached', async () => {
    let count = 0;
    const { meetings, clock } = open(async () => {
      count += 1;
    });
    meetings.begin(target);
    meetings.begin(target);
    await clock.elapse(0);
    expect(count).toBe(1);
    meetings.begin(target);
    await clock.elapse(0);
    expect(count).toBe(2);
  });

  it.each([
    ['is this one', clusterError('DW_CLUSTER_SELF')],
    ['was removed', clusterError('DW_CLUSTER_REMOVED')],
  ])('ends when the node %s', async (_, error) => {
    let count = 0;
    const { meetings, clock } = open(async () => {
      count += 1;
      throw error;
    });
    meetings.begin(target);
    await clock.elapse(600_000);
    expect(count).toBe(1);
  });

  it('ends after as many attempts as it was given', async () => {
    let count = 0;
    const { meetings, clock } = open(async () => {
      count += 1;
      throw peerError('DW_PEER_TIMEOUT');
    });
    meetings.begin({ ...target, maxAttempts: 3 });
    await clock.elapse(600_000);
    expect(count).toBe(3);
  });

  it('ends when cancelled or closed', async () => {
    let count = 0;
    const { meetings, clock } = open(async () => {
      count += 1;
      throw peerError('DW_PEER_TIMEOUT');
    });
    meetings.begin(target);
    meetings.begin({ ...target, key: 'n3' });
    await clock.elapse(0);
    meetings.cancel('n2');
    await meetings.close();
    await clock.elapse(600_000);
    expect(count).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it('aborts the attempt under way when closed', async () => {
    const { meetings, clock } = open(
      (_target, _endpoint, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    meetings.begin(target);
    await clock.elapse(0);
    await meetings.close();
  });
});
