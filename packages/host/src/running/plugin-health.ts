import type { IPlugin, PluginHealth } from '@datawarehouse/sdk';
import { isRecord } from '../configuration/configuration-overrides.js';

/** What a running plugin says of its health; one that cannot say it is unhealthy. */
export function healthOf(plugin: IPlugin): PluginHealth {
  if (plugin.health === undefined) return { status: 'healthy' };
  try {
    const health: unknown = plugin.health();
    if (isHealth(health)) {
      const { status, reason } = health;
      // Whatever else it says, and in whatever shape, must not spoil the answer for the others.
      return { status, ...(typeof reason === 'string' && { reason }) };
    }
    return { status: 'unhealthy', reason: 'health() returned no health' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: 'unhealthy', reason: `health() threw: ${reason}` };
  }
}

function isHealth(value: unknown): value is PluginHealth {
  return isRecord(value) && ['healthy', 'degraded', 'unhealthy'].includes(String(value.status));
}
