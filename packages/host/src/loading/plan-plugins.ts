import type { DwError } from '@datawarehouse/sdk';
import { hostError } from '../errors/host-errors.js';
import { dependencyCycles, dependencyOrder } from './dependency-order.js';
import type { Discovery } from './discover-plugins.js';
import type { DiscoveredPlugin, PluginRefusal } from './discovered-plugin.js';
import { checkPluginConfig } from './plugin-config.js';

/** Which plugins are to be started, and in which order. */
export interface PluginPlan {
  /** Each after those it depends on, otherwise in the order of the configuration. */
  readonly ordered: readonly DiscoveredPlugin[];
  readonly refused: readonly PluginRefusal[];
}

/** A plugin on its way through the checks. */
interface Candidate {
  readonly plugin: DiscoveredPlugin;
  readonly errors: DwError[];
}

/**
 * Refuses plugins of a taken id, with a wrong configuration, with missing dependencies, on a circle
 * or with a refused dependency, each with every reason, and orders the others. Runs no plugin code.
 */
export async function planPlugins(discovery: Discovery): Promise<PluginPlan> {
  const candidates: Candidate[] = [];
  const duplicates: PluginRefusal[] = [];
  for (const plugin of discovery.found) {
    const first = candidates.find((other) => other.plugin.id === plugin.id)?.plugin;
    if (first !== undefined) duplicates.push(refusal(plugin, [duplicateError(plugin, first)]));
    else candidates.push(await withCheckedConfig(plugin));
  }
  const unread = new Set(discovery.refused.map(({ id }) => id));
  addMissing(candidates, unread);
  addCycles(candidates);
  addBroken(candidates, unread);
  const refused = candidates
    .filter(({ errors }) => errors.length > 0)
    .map(({ plugin, errors }) => refusal(plugin, errors));
  const accepted = candidates.filter(({ errors }) => errors.length === 0);
  return {
    ordered: dependencyOrder(accepted.map(({ plugin }) => plugin)),
    refused: [...discovery.refused, ...duplicates, ...refused],
  };
}

async function withCheckedConfig(plugin: DiscoveredPlugin): Promise<Candidate> {
  const checked = await checkPluginConfig(plugin);
  if ('error' in checked) return { plugin, errors: [checked.error] };
  return { plugin: { ...plugin, config: checked.config }, errors: [] };
}

function addMissing(candidates: readonly Candidate[], unread: ReadonlySet<string>): void {
  const known = new Set([...unread, ...candidates.map(({ plugin }) => plugin.id)]);
  for (const { plugin, errors } of candidates) {
    for (const id of plugin.manifest.dependencies.filter((name) => !known.has(name))) {
      errors.push(
        hostError('DW_PLUGIN_DEPENDENCY_MISSING', {
          message: `Plugin ${plugin.id} needs plugin ${id}, which is not loaded`,
          hint: `Add the package of plugin ${id} to "plugins" in the configuration.`,
          details: { pluginId: plugin.id, dependency: id },
        }),
      );
    }
  }
}

function addCycles(candidates: readonly Candidate[]): void {
  for (const cycle of dependencyCycles(candidates.map(({ plugin }) => plugin))) {
    for (const { plugin, errors } of candidates) {
      if (!cycle.includes(plugin.id)) continue;
      errors.push(
        hostError('DW_PLUGIN_DEPENDENCY_CYCLE', {
          message: `Plugin ${plugin.id} depends on itself: ${cycle.join(' → ')}`,
          details: { pluginId: plugin.id, cycle },
        }),
      );
    }
  }
}

/** A refusal refuses those that depend on it, and so on. */
function addBroken(candidates: readonly Candidate[], unread: ReadonlySet<string>): void {
  const broken = new Set(unread);
  for (const { plugin, errors } of candidates) {
    if (errors.length > 0) broken.add(plugin.id);
    else broken.delete(plugin.id);
  }
  for (let isSettled = false; !isSettled; ) {
    isSettled = true;
    for (const { plugin, errors } of candidates) {
      if (errors.length > 0) continue;
      const dependency = plugin.manifest.dependencies.find((id) => broken.has(id));
      if (dependency === undefined) continue;
      errors.push(dependencyFailedError(plugin.id, dependency, 'was refused'));
      broken.add(plugin.id);
      isSettled = false;
    }
  }
}

/** Says that a plugin is left out because one that it needs is. */
export function dependencyFailedError(pluginId: string, dependency: string, why: string): DwError {
  return hostError('DW_PLUGIN_DEPENDENCY_FAILED', {
    message: `Plugin ${pluginId} needs plugin ${dependency}, which ${why}`,
    hint: `Correct plugin ${dependency} first.`,
    details: { pluginId, dependency },
  });
}

function duplicateError(plugin: DiscoveredPlugin, first: DiscoveredPlugin): DwError {
  return hostError('DW_PLUGIN_DUPLICATE', {
    message: `Plugin id ${plugin.id} is taken: ${plugin.directory} and ${first.directory} both have it`,
    details: { pluginId: plugin.id, directories: [first.directory, plugin.directory] },
  });
}

function refusal(plugin: DiscoveredPlugin, errors: readonly DwError[]): PluginRefusal {
  const { id, packageName, version, required, manifest } = plugin;
  return { id, packageName, version, required, manifest, errors };
}
