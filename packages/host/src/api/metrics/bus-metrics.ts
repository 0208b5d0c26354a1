import { backpressureStates } from '@datawarehouse/sdk';
import { type BusSummary, summarizeByName } from '../bus-summary.js';
import type { RouteSources } from '../routes/route-sources.js';
import type { MetricFamilies, MetricSample } from './metric-families.js';

type Described = Pick<MetricSample, 'name' | 'help'> & {
  readonly value: (summary: BusSummary, nowMs: number) => number;
};

const gauges: readonly Described[] = [
  {
    name: 'dw_bus_queue_depth',
    help: 'Messages that wait for a subscriber.',
    value: ({ queueDepth }) => queueDepth,
  },
  {
    name: 'dw_bus_waiting_publishers',
    help: 'Publishers that wait for room in the queue of a subscriber.',
    value: ({ waitingCount }) => waitingCount,
  },
  {
    name: 'dw_bus_backpressure_level',
    help: 'How full the queue of a subscriber is: 0 normal, 1 warning, 2 critical, 3 shedding.',
    value: ({ state }) => backpressureStates.indexOf(state),
  },
  {
    name: 'dw_bus_busy_seconds',
    help: 'How long the handler of a subscriber has been at one message; 0 while it has none.',
    value: ({ busySinceMs }, nowMs) =>
      busySinceMs === undefined ? 0 : Math.max(0, nowMs - busySinceMs) / 1000,
  },
];

/** Adds what the bus tells of its subscribers. Those of one name count together. */
export function addBusMetrics(families: MetricFamilies, { view, clock }: RouteSources): void {
  const statistics = view.bus.statistics();
  families.add({
    name: 'dw_bus_subscriptions',
    type: 'gauge',
    help: 'Subscriptions to the bus.',
    value: statistics.length,
  });
  const nowMs = clock.now();
  for (const [subscription, summary] of summarizeByName(statistics)) {
    const labels = { subscription };
    for (const { name, help, value } of gauges) {
      families.add({ name, type: 'gauge', help, labels, value: value(summary, nowMs) });
    }
    const { handledCount, failedCount, shedCount } = summary;
    const outcomes = { handled: handledCount, failed: failedCount, shed: shedCount };
    for (const [outcome, value] of Object.entries(outcomes)) {
      families.add({
        name: 'dw_bus_messages_total',
        type: 'counter',
        help: 'Messages handled (failed ones included), failed, and shed because a queue was full.',
        labels: { ...labels, outcome },
        value,
      });
    }
  }
}
