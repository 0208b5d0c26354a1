import type { PluginHealth } from '@datawarehouse/sdk';
import type { PluginStatus } from '../running/plugin-status.js';

/**
 * How well the node is: as bad as its worst required plugin; a plugin that is not required makes it
 * `degraded` at worst, since the others go on without it.
 */
export function nodeHealth(plugins: readonly PluginStatus[]): PluginHealth['status'] {
  const worst = plugins.map((plugin) => {
    const health = pluginHealth(plugin);
    return health === 'unhealthy' && !plugin.required ? 'degraded' : health;
  });
  if (worst.includes('unhealthy')) return 'unhealthy';
  return worst.includes('degraded') ? 'degraded' : 'healthy';
}

function pluginHealth({ state, health }: PluginStatus): PluginHealth['status'] {
  if (state === 'failed' || state === 'refused') return 'unhealthy';
  return health?.status ?? 'healthy';
}
