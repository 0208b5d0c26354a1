import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PluginEntry } from '../src/configuration/host-configuration.js';

/** A small plugin package that a spec writes. */
export interface PluginPackageOptions {
  readonly id: string;
  /** Source of the entry. Default: a plugin that does nothing. */
  readonly code?: string;
  readonly sdk?: string;
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly configSchema?: object;
  /** Put over the manifest as it is. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

/** Source of a module whose plugin has these members. */
export function pluginSource(members: string): string {
  return `export const createPlugin = () => ({ async initializeAsync() {}, ${members} });\n`;
}

/** Writes the package into a folder of its id below `root`, and returns its folder. */
export async function writePluginPackage(
  root: string,
  options: PluginPackageOptions,
): Promise<string> {
  const directory = join(root, options.id);
  await mkdir(directory, { recursive: true });
  const { id, sdk = '^6.0.0', dependencies = [], optionalDependencies = [] } = options;
  const datawarehouse = {
    id,
    entry: './entry.js',
    sdk,
    dependencies,
    optionalDependencies,
    ...(options.configSchema && { configSchema: './config.schema.json' }),
    ...options.manifest,
  };
  const manifest = { name: `plugin-${id}`, version: '1.2.3', type: 'module', datawarehouse };
  await writeFile(join(directory, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(directory, 'entry.js'), options.code ?? pluginSource(''));
  if (options.configSchema) {
    await writeFile(join(directory, 'config.schema.json'), JSON.stringify(options.configSchema));
  }
  return directory;
}

/** The configuration's entry for a plugin folder. */
export function pluginEntry(path: string, changes: Partial<PluginEntry> = {}): PluginEntry {
  return { path, required: false, enabled: true, config: {}, ...changes };
}
