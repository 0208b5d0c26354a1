import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { IPlugin } from '@datawarehouse/sdk';
import { hostError } from '../errors/host-errors.js';
import type { DiscoveredPlugin } from './discovered-plugin.js';

/**
 * Imports a plugin's entry and makes the plugin. The first of its code that runs.
 *
 * @throws DwError `DW_PLUGIN_ENTRY_INVALID`, `DW_PLUGIN_IMPORT_FAILED`, `DW_PLUGIN_FAILED`.
 */
export async function loadPlugin(plugin: DiscoveredPlugin): Promise<IPlugin> {
  const module = await importEntry(plugin);
  const { createPlugin } = module;
  if (typeof createPlugin !== 'function') {
    throw entryError(plugin, 'does not export a function createPlugin');
  }
  let made: unknown;
  try {
    made = (createPlugin as () => unknown)();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw hostError('DW_PLUGIN_FAILED', {
      message: `Plugin ${plugin.id} failed in createPlugin: ${reason.split('\n', 1).join('')}`,
      cause,
      details: { pluginId: plugin.id },
    });
  }
  if (!isPlugin(made)) throw entryError(plugin, 'returns no plugin from createPlugin');
  return made;
}

async function importEntry(plugin: DiscoveredPlugin): Promise<Readonly<Record<string, unknown>>> {
  const file = join(plugin.directory, plugin.manifest.entry);
  try {
    await stat(file);
  } catch (cause) {
    throw hostError('DW_PLUGIN_IMPORT_FAILED', {
      message: `Plugin ${plugin.id} has no module ${plugin.manifest.entry} in ${plugin.directory}`,
      hint: 'Build the package, or correct "entry" in its manifest.',
      cause,
      details: { pluginId: plugin.id, file },
    });
  }
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw hostError('DW_PLUGIN_IMPORT_FAILED', {
      message: `Plugin ${plugin.id} cannot be imported: ${reason.split('\n', 1).join('')}`,
      cause,
      details: { pluginId: plugin.id, file },
    });
  }
}

function isPlugin(value: unknown): value is IPlugin {
  if (typeof value !== 'object' || value === null) return false;
  const { initializeAsync, startAsync, stopAsync, health } = value as Partial<
    Record<keyof IPlugin, unknown>
  >;
  const isOptional = (member: unknown): boolean =>
    member === undefined || typeof member === 'function';
  return typeof initializeAsync === 'function' && [startAsync, stopAsync, health].every(isOptional);
}

function entryError(plugin: DiscoveredPlugin, what: string): Error {
  return hostError('DW_PLUGIN_ENTRY_INVALID', {
    message: `The module ${plugin.manifest.entry} of plugin ${plugin.id} ${what}`,
    details: { pluginId: plugin.id, entry: plugin.manifest.entry },
  });
}
