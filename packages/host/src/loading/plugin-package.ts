import { readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pluginError } from '@datawarehouse/sdk';
import { isRecord } from '../configuration/configuration-overrides.js';
import { hostError } from '../errors/host-errors.js';

/** A plugin's package on disk, its manifest unchecked. */
export interface PluginPackage {
  /** Name in its package.json, or its folder where it has none. */
  readonly packageName: string;
  readonly version: string;
  /** Absolute folder, symbolic links resolved. */
  readonly directory: string;
  /** Its `datawarehouse` field. */
  readonly manifest: unknown;
}

const packageNamePattern = /^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/;

/**
 * Finds a package by its name or its folder, and reads its package.json.
 *
 * @param from - Absolute folder that names are resolved from; the host's own packages come next.
 * @throws DwError `DW_PLUGIN_NOT_FOUND`, `DW_PLUGIN_MANIFEST_INVALID`.
 */
export async function findPluginPackage(
  entry: { readonly package?: string | undefined; readonly path?: string | undefined },
  from: string,
): Promise<PluginPackage> {
  if (entry.path !== undefined) {
    const directory = resolve(from, entry.path);
    const found = await readPackage(directory);
    if (found !== undefined) return found;
    throw hostError('DW_PLUGIN_NOT_FOUND', {
      message: `There is no package.json in the plugin folder ${directory}`,
      hint: 'Correct "path" of the plugin in the configuration; it is relative to the file.',
      details: { directory },
    });
  }
  const name = entry.package ?? '';
  for (const directory of candidates(name, from)) {
    const found = await readPackage(directory);
    if (found !== undefined) return found;
  }
  throw hostError('DW_PLUGIN_NOT_FOUND', {
    message: `The plugin package ${name} is not installed`,
    hint: `Run \`npm install ${name}\` in ${from}, or correct "package" in the configuration.`,
    details: { package: name, from },
  });
}

/** Folders where a package of that name may be, nearest first. Its `exports` do not matter. */
function candidates(name: string, from: string): readonly string[] {
  if (!packageNamePattern.test(name)) return [];
  const near = createRequire(join(from, 'package.json')).resolve.paths(name) ?? [];
  const own = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return [...new Set([...near, ...own])].map((folder) => join(folder, name));
}

async function readPackage(directory: string): Promise<PluginPackage | undefined> {
  let text: string;
  let real: string;
  try {
    real = await realpath(directory);
    text = await readFile(join(real, 'package.json'), 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw manifestError(directory, `its package.json cannot be read: ${reasonOf(error)}`, error);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw manifestError(directory, `its package.json is no JSON: ${reasonOf(error)}`, error);
  }
  if (!isRecord(parsed)) throw manifestError(directory, 'its package.json holds no object');
  const { name, version, datawarehouse } = parsed;
  if (datawarehouse === undefined) {
    throw manifestError(directory, 'its package.json has no "datawarehouse" field');
  }
  return {
    packageName: typeof name === 'string' ? name : real,
    version: typeof version === 'string' ? version : '0.0.0',
    directory: real,
    manifest: datawarehouse,
  };
}

function manifestError(directory: string, reason: string, cause?: unknown): Error {
  return pluginError('DW_PLUGIN_MANIFEST_INVALID', {
    message: `The package in ${directory} is no plugin: ${reason}`,
    cause,
    details: { directory },
  });
}

function isAbsent(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\s+/g, ' ');
}
