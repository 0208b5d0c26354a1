import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A plugin written for one test. */
export interface PluginSource {
  /** The `datawarehouse` field of its package.json. */
  readonly manifest: unknown;
  /** Text of its entry module, `./index.js`. */
  readonly entry?: string;
}

/** Writes a plugin's package into a folder of its own, and returns the folder. */
export async function writePlugin(
  parent: string,
  name: string,
  {
    manifest,
    entry = 'export const createPlugin = () => ({ async initializeAsync() {} });',
  }: PluginSource,
): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder, { recursive: true });
  const description = { name, version: '1.0.0', type: 'module', datawarehouse: manifest };
  await writeFile(join(folder, 'package.json'), JSON.stringify(description));
  await writeFile(join(folder, 'index.js'), entry);
  return folder;
}
