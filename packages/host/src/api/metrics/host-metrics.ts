import { SDK_VERSION } from '@datawarehouse/sdk';
import type { PluginState } from '../../running/plugin-status.js';
import type { RouteSources } from '../routes/route-sources.js';
import { addBusMetrics } from './bus-metrics.js';
import type { MetricFamilies } from './metric-families.js';

const pluginStates: readonly PluginState[] = [
  'found',
  'refused',
  'initialized',
  'running',
  'failed',
  'stopped',
];

/** Adds what the host knows of its process, its plugins, its bus and its API. */
export function addHostMetrics(families: MetricFamilies, sources: RouteSources): void {
  const { view, clock } = sources;
  families.add({
    name: 'dw_host_info',
    type: 'gauge',
    help: 'Versions and identity of the node.',
    labels: {
      version: view.version,
      sdk_version: SDK_VERSION,
      node_version: process.version,
      node_id: view.nodeId,
    },
    value: 1,
  });
  addGauge(families, 'dw_host_ready', 'Whether the node takes work.', Number(view.isReady()));
  const uptimeMs = Math.max(0, clock.now() - view.startedAtMs);
  addGauge(families, 'dw_host_uptime_seconds', 'Time since the start.', uptimeMs / 1000);
  const members = view.membership.members().length;
  addGauge(families, 'dw_cluster_members', 'Other nodes of the cluster.', members);
  addProcessMetrics(families, sources);
  addPluginMetrics(families, sources);
  addBusMetrics(families, sources);
  addRequestMetrics(families, sources);
}

function addGauge(families: MetricFamilies, name: string, help: string, value: number): void {
  families.add({ name, type: 'gauge', help, value });
}

function addProcessMetrics(families: MetricFamilies, { lag }: RouteSources): void {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  addGauge(families, 'dw_host_resident_memory_bytes', 'Resident memory of the process.', rss);
  addGauge(families, 'dw_host_heap_used_bytes', 'Used heap of the process.', heapUsed);
  addGauge(families, 'dw_host_heap_size_bytes', 'Heap of the process.', heapTotal);
  addGauge(families, 'dw_host_external_memory_bytes', 'Buffers outside the heap.', external);
  addGauge(
    families,
    'dw_host_event_loop_lag_p99_seconds',
    'How late timers fire, 99th percentile over the last one to two minutes.',
    lag.p99Ms / 1000,
  );
  families.add({
    name: 'dw_host_cpu_seconds_total',
    type: 'counter',
    help: 'Processor time that the process used.',
    value: (user + system) / 1e6,
  });
}

function addPluginMetrics(families: MetricFamilies, { view }: RouteSources): void {
  const plugins = view.plugins();
  for (const state of pluginStates) {
    families.add({
      name: 'dw_host_plugins',
      type: 'gauge',
      help: 'Plugins by state.',
      labels: { state },
      value: plugins.filter((plugin) => plugin.state === state).length,
    });
  }
}

function addRequestMetrics(families: MetricFamilies, { requests }: RouteSources): void {
  const { openCount, answeredCounts } = requests();
  addGauge(families, 'dw_http_open_requests', 'Requests that are being answered.', openCount);
  for (const [status, value] of Object.entries(answeredCounts)) {
    families.add({
      name: 'dw_http_requests_total',
      type: 'counter',
      help: 'Requests answered, by the class of the status.',
      labels: { status },
      value,
    });
  }
}
