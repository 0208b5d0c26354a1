import {
  DwError,
  type PluginManifest,
  parsePluginManifest,
  SDK_VERSION,
  satisfiesSdk,
} from '@datawarehouse/sdk';
import { isRecord } from '../configuration/configuration-overrides.js';
import type { PluginEntry } from '../configuration/host-configuration.js';
import { hostError } from '../errors/host-errors.js';
import type { DiscoveredPlugin, PluginRefusal } from './discovered-plugin.js';
import { findPluginPackage, type PluginPackage } from './plugin-package.js';

/** What {@link discoverPlugins} found, in the order of the configuration. */
export interface Discovery {
  readonly found: readonly DiscoveredPlugin[];
  readonly refused: readonly PluginRefusal[];
}

/**
 * Reads the manifests of the plugins that the configuration names, and refuses those that are not
 * there, malformed or made for another SDK. Runs none of their code.
 *
 * @param from - Absolute folder that names are resolved from; the host's own packages come next.
 */
export async function discoverPlugins(
  entries: readonly PluginEntry[],
  options: { readonly from: string },
): Promise<Discovery> {
  const enabled = entries.filter((entry) => entry.enabled);
  const results = await Promise.all(enabled.map((entry) => discover(entry, options.from)));
  return {
    found: results.flatMap((result) => ('errors' in result ? [] : [result])),
    refused: results.flatMap((result) => ('errors' in result ? [result] : [])),
  };
}

async function discover(
  entry: PluginEntry,
  from: string,
): Promise<DiscoveredPlugin | PluginRefusal> {
  const { required, config } = entry;
  let found: PluginPackage | undefined;
  try {
    found = await findPluginPackage(entry, from);
    const { packageName, version, directory } = found;
    const manifest = parsePluginManifest(found.manifest, packageName);
    const errors = rangeErrors(manifest, packageName, version);
    if (errors.length > 0) {
      return { id: manifest.id, packageName, version, required, manifest, errors };
    }
    return { id: manifest.id, manifest, packageName, version, directory, required, config };
  } catch (error) {
    if (!DwError.is(error)) throw error;
    const named = entry.package ?? entry.path ?? '';
    const id = writtenId(found?.manifest) ?? named;
    const packageName = found?.packageName ?? named;
    const version = found && { version: found.version };
    return { id, packageName, required, errors: [error], ...version };
  }
}

function rangeErrors(manifest: PluginManifest, name: string, version: string): readonly DwError[] {
  if (satisfiesSdk(manifest.sdk)) return [];
  return [
    hostError('DW_PLUGIN_SDK_RANGE', {
      message: `Plugin ${manifest.id} (${name} ${version}) needs SDK ${manifest.sdk}; this host has ${SDK_VERSION}`,
      hint: `Install a version of ${name} that supports SDK ${SDK_VERSION}, or a host of SDK ${manifest.sdk}.`,
      details: { pluginId: manifest.id, wanted: manifest.sdk, sdkVersion: SDK_VERSION },
    }),
  ];
}

/** The id as written, to name a plugin whose manifest is malformed elsewhere. */
function writtenId(manifest: unknown): string | undefined {
  return isRecord(manifest) && typeof manifest.id === 'string' ? manifest.id : undefined;
}
