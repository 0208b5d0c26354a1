import {
  type BackpressureState,
  backpressureStates,
  type SubscriptionStatistics,
} from '@datawarehouse/sdk';

/** What subscriptions have done and wait for, together. */
export interface BusSummary {
  readonly subscriptionCount: number;
  /** The worst. */
  readonly state: BackpressureState;
  /** Messages that wait. */
  readonly queueDepth: number;
  /** Publishers that wait. */
  readonly waitingCount: number;
  readonly handledCount: number;
  readonly failedCount: number;
  readonly shedCount: number;
  /** Since when a handler has been at one message, of the one that began first. */
  readonly busySinceMs: number | undefined;
}

/** Subscribers that are told apart; names may be made at run time. */
const maxNames = 200;
const othersName = 'others';

/** Adds up subscriptions. */
export function summarizeBus(statistics: readonly SubscriptionStatistics[]): BusSummary {
  const sum = (of: (each: SubscriptionStatistics) => number): number =>
    statistics.reduce((total, each) => total + of(each), 0);
  const rank = Math.max(0, ...statistics.map(({ state }) => backpressureStates.indexOf(state)));
  return {
    subscriptionCount: statistics.length,
    state: backpressureStates[rank] ?? 'normal',
    queueDepth: sum(({ queueDepth }) => queueDepth),
    waitingCount: sum(({ waitingCount }) => waitingCount),
    handledCount: sum(({ handledCount }) => handledCount),
    failedCount: sum(({ failedCount }) => failedCount),
    shedCount: sum(({ shedCount }) => shedCount),
    busySinceMs: longestBusy(statistics)?.busySinceMs,
  };
}

/** The subscription whose handler has been at its message for the longest time, if one is. */
export function longestBusy(
  statistics: readonly SubscriptionStatistics[],
): SubscriptionStatistics | undefined {
  let longest: SubscriptionStatistics | undefined;
  for (const each of statistics) {
    const { busySinceMs = Number.POSITIVE_INFINITY } = each;
    if (busySinceMs < (longest?.busySinceMs ?? Number.POSITIVE_INFINITY)) longest = each;
  }
  return longest;
}

/** Adds up those of one name; names beyond the first 200 count as `others`. */
export function summarizeByName(
  statistics: readonly SubscriptionStatistics[],
): ReadonlyMap<string, BusSummary> {
  const groups = new Map<string, SubscriptionStatistics[]>();
  for (const each of statistics) {
    const name = groups.has(each.name) || groups.size < maxNames ? each.name : othersName;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [each]);
    else group.push(each);
  }
  return new Map([...groups].map(([name, group]) => [name, summarizeBus(group)]));
}
