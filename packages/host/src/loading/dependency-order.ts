import type { DiscoveredPlugin } from './discovered-plugin.js';

/** Ids of the plugins among `plugins` that have to come before `plugin`. */
function before(
  plugin: DiscoveredPlugin,
  plugins: ReadonlyMap<string, DiscoveredPlugin>,
): readonly DiscoveredPlugin[] {
  const { dependencies, optionalDependencies } = plugin.manifest;
  return [...dependencies, ...optionalDependencies].flatMap((id) => plugins.get(id) ?? []);
}

/** Circles among plugins: for each plugin on one, a shortest (`['a', 'b', 'a']`), none twice. */
export function dependencyCycles(
  plugins: readonly DiscoveredPlugin[],
): readonly (readonly string[])[] {
  const byId = new Map(plugins.map((plugin) => [plugin.id, plugin]));
  const cycles: (readonly string[])[] = [];
  for (const plugin of plugins) {
    if (cycles.some((cycle) => cycle.includes(plugin.id))) continue;
    const cycle = shortestWayBack(plugin, byId);
    if (cycle !== undefined) cycles.push(cycle);
  }
  return cycles;
}

function shortestWayBack(
  start: DiscoveredPlugin,
  plugins: ReadonlyMap<string, DiscoveredPlugin>,
): readonly string[] | undefined {
  const seen = new Set<string>();
  const ways: { readonly plugin: DiscoveredPlugin; readonly way: readonly string[] }[] = [
    { plugin: start, way: [start.id] },
  ];
  for (const { plugin, way } of ways) {
    for (const next of before(plugin, plugins)) {
      if (next === start) return [...way, start.id];
      if (seen.has(next.id)) continue;
      seen.add(next.id);
      ways.push({ plugin: next, way: [...way, next.id] });
    }
  }
  return undefined;
}

/** Orders plugins without circles: each after those it depends on, otherwise as they come. */
export function dependencyOrder(plugins: readonly DiscoveredPlugin[]): readonly DiscoveredPlugin[] {
  const byId = new Map(plugins.map((plugin) => [plugin.id, plugin]));
  const ordered = new Set<DiscoveredPlugin>();
  const visit = (plugin: DiscoveredPlugin): void => {
    if (ordered.has(plugin)) return;
    before(plugin, byId).forEach(visit);
    ordered.add(plugin);
  };
  plugins.forEach(visit);
  return [...ordered];
}
