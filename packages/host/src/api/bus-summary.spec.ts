import type { SubscriptionStatistics } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { longestBusy, summarizeBus, summarizeByName } from './bus-summary.js';

function statisticsOf(change: Partial<SubscriptionStatistics>): SubscriptionStatistics {
  return {
    ...{ name: 'a', topic: 'dw.test', queueDepth: 1, handledCount: 2, failedCount: 3 },
    ...{ shedCount: 4, waitingCount: 5, state: 'normal', busySinceMs: undefined, ...change },
  };
}

describe('the summary of the bus', () => {
  it('adds up, and keeps the worst state and the longest wait', () => {
    const subscriptions = [
      statisticsOf({ state: 'critical', busySinceMs: 70 }),
      statisticsOf({ name: 'b', state: 'warning', busySinceMs: 50 }),
      statisticsOf({}),
    ];
    expect(summarizeBus(subscriptions)).toEqual({
      ...{ subscriptionCount: 3, state: 'critical', queueDepth: 3, waitingCount: 15 },
      ...{ handledCount: 6, failedCount: 9, shedCount: 12, busySinceMs: 50 },
    });
    expect(longestBusy(subscriptions)?.name).toBe('b');
    expect(summarizeBus([])).toMatchObject({ state: 'normal', busySinceMs: undefined });
  });

  it('tells 200 names apart, and counts the others together', () => {
    const many = Array.from({ length: 300 }, (_, index) =>
      statisticsOf({ name: `n${index % 250}` }),
    );
    const summaries = summarizeByName(many);
    expect(summaries.size).toBe(201);
    expect(summaries.get('n0')).toMatchObject({ subscriptionCount: 2, handledCount: 4 });
    expect(summaries.get('others')).toMatchObject({ subscriptionCount: 50 });
  });
});
