import type { HttpRoute } from '@datawarehouse/sdk';
import { addHostMetrics } from '../metrics/host-metrics.js';
import { MetricFamilies } from '../metrics/metric-families.js';
import { addSubsystemMetrics } from '../metrics/subsystem-metrics.js';
import type { RouteSources } from './route-sources.js';

/** Everything that can be measured, for Prometheus. */
export function metricsRoute(sources: RouteSources): HttpRoute {
  return {
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics in the text format of Prometheus, version 0.0.4.',
    handle: async () => ({
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      body: Buffer.from(collect(sources).toText()),
    }),
  };
}

function collect(sources: RouteSources): MetricFamilies {
  const families = new MetricFamilies();
  addHostMetrics(families, sources);
  for (const { subsystem } of sources.view.scaling.list()) {
    let isReporting = 1;
    try {
      addSubsystemMetrics(families, subsystem);
    } catch {
      // Told by the metric below, so that one subsystem cannot hide the others.
      isReporting = 0;
    }
    families.add({
      name: 'dw_subsystem_reporting',
      type: 'gauge',
      help: 'Whether the subsystem could tell its metrics.',
      labels: { subsystem: subsystem.subsystemName },
      value: isReporting,
    });
  }
  families.add({
    name: 'dw_metrics_dropped_samples',
    type: 'gauge',
    help: 'Samples left out of this answer because they were double, or too many.',
    value: families.droppedCount,
  });
  return families;
}
