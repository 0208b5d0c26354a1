import { type HttpRoute, SDK_VERSION } from '@datawarehouse/sdk';
import { longestBusy, summarizeBus } from '../bus-summary.js';
import { nodeHealth } from '../node-health.js';
import type { RouteSources } from './route-sources.js';

/** The node at a glance. */
export function statusRoute({ view, clock }: RouteSources): HttpRoute {
  return {
    method: 'GET',
    path: '/api/v1/status',
    summary: 'Identity, version, uptime, health, bus and memory of the node.',
    handle: async () => {
      const { nodeId, publicKey, version, startedAtMs } = view;
      const plugins = view.plugins();
      return {
        json: {
          nodeId,
          publicKey,
          version,
          sdkVersion: SDK_VERSION,
          nodeVersion: process.version,
          pid: process.pid,
          startedAt: new Date(startedAtMs).toISOString(),
          uptimeMs: Math.max(0, clock.now() - startedAtMs),
          isReady: view.isReady(),
          health: nodeHealth(plugins),
          plugins: plugins.map(({ id, state, health, error }) => ({ id, state, health, error })),
          memberCount: view.membership.members().length,
          bus: bus(view),
          memory: memory(),
        },
      };
    },
  };
}

/** The subscribers together, and the one that may be stuck. */
function bus(view: RouteSources['view']): Readonly<Record<string, unknown>> {
  const subscriptions = view.bus.statistics();
  return { ...summarizeBus(subscriptions), busySubscriber: longestBusy(subscriptions)?.name };
}

function memory(): Readonly<Record<string, number>> {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    rssBytes: rss,
    // The kernel counts in kibibytes.
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    externalBytes: external,
  };
}
