import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pluginEntry, writePluginPackage } from '../../fixtures/plugin-package.js';
import type { PluginEntry } from '../configuration/host-configuration.js';
import { discoverPlugins } from './discover-plugins.js';
import { type PluginPlan, planPlugins } from './plan-plugins.js';

describe('loading', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-loading-'));
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  async function plan(entries: readonly PluginEntry[]): Promise<PluginPlan> {
    return planPlugins(await discoverPlugins(entries, { from: root }));
  }

  /** `id [CODE, …]` of every refusal. */
  function codes({ refused }: PluginPlan): readonly string[] {
    return refused.map(({ id, errors }) => `${id} ${errors.map(({ code }) => code).join(', ')}`);
  }

  function message({ refused }: PluginPlan, id: string): string {
    return refused.find((refusal) => refusal.id === id)?.errors[0]?.message ?? '';
  }

  it('finds a package by its name from the folder of the configuration, exports or not', async () => {
    const directory = await writePluginPackage(root, { id: 'alpha' });
    await mkdir(join(root, 'node_modules/@acme'), { recursive: true });
    await symlink(directory, join(root, 'node_modules/@acme/alpha'));
    const { ordered } = await plan([pluginEntry('', { path: undefined, package: '@acme/alpha' })]);
    expect(ordered).toMatchObject([
      { id: 'alpha', packageName: 'plugin-alpha', version: '1.2.3', directory },
    ]);
  });

  it('leaves out what is not enabled', async () => {
    expect(await plan([pluginEntry('nowhere', { enabled: false })])).toEqual({
      ordered: [],
      refused: [],
    });
  });

  it('tells all problems at once, each with the plugin and a hint', async () => {
    await writePluginPackage(root, { id: 'good' });
    await writePluginPackage(root, { id: 'future', sdk: '^7.0.0', dependencies: ['nobody'] });
    await writePluginPackage(root, { id: 'lonely', dependencies: ['nobody'] });
    await writePluginPackage(root, { id: 'malformed', manifest: { entry: '../outside.js' } });
    await mkdir(join(root, 'broken'));
    await writeFile(join(root, 'broken/package.json'), '{');
    await mkdir(join(root, 'library'));
    await writeFile(join(root, 'library/package.json'), '{"name":"library"}');
    const names = ['good', 'future', 'lonely', 'malformed', 'broken', 'library', 'absent'];
    const result = await plan([
      ...names.map((name) => pluginEntry(name)),
      pluginEntry('', { path: undefined, package: 'not-installed' }),
    ]);
    expect(result.ordered.map(({ id }) => id)).toEqual(['good']);
    expect(codes(result)).toEqual([
      'future DW_PLUGIN_SDK_RANGE',
      'malformed DW_PLUGIN_MANIFEST_INVALID',
      'broken DW_PLUGIN_MANIFEST_INVALID',
      'library DW_PLUGIN_MANIFEST_INVALID',
      'absent DW_PLUGIN_NOT_FOUND',
      'not-installed DW_PLUGIN_NOT_FOUND',
      'lonely DW_PLUGIN_DEPENDENCY_MISSING',
    ]);
    for (const { id, errors } of result.refused) {
      for (const error of errors) {
        expect(error.message).toContain(id);
        expect(error.hint).toBeTruthy();
      }
    }
    expect(message(result, 'future')).toBe(
      'Plugin future (plugin-future 1.2.3) needs SDK ^7.0.0; this host has 6.0.0',
    );
  });

  it('puts dependencies first, optional ones where they are there', async () => {
    await writePluginPackage(root, { id: 'a', optionalDependencies: ['c', 'absent'] });
    await writePluginPackage(root, { id: 'b', dependencies: ['a'] });
    await writePluginPackage(root, { id: 'c' });
    const { ordered } = await plan(['b', 'a', 'c'].map((name) => pluginEntry(name)));
    expect(ordered.map(({ id }) => id)).toEqual(['c', 'a', 'b']);
  });

  it('names circles in full, and refuses what depends on them', async () => {
    await writePluginPackage(root, { id: 'a', dependencies: ['b'] });
    await writePluginPackage(root, { id: 'b', dependencies: ['c'] });
    await writePluginPackage(root, { id: 'c', dependencies: ['a'] });
    await writePluginPackage(root, { id: 'd', dependencies: ['e'] });
    await writePluginPackage(root, { id: 'e', dependencies: ['a'] });
    const result = await plan(['d', 'e', 'a', 'b', 'c'].map((name) => pluginEntry(name)));
    expect(result.ordered).toEqual([]);
    expect(message(result, 'b')).toBe('Plugin b depends on itself: a → b → c → a');
    expect(message(result, 'd')).toBe('Plugin d needs plugin e, which was refused');
    expect(codes(result)).toContain('e DW_PLUGIN_DEPENDENCY_FAILED');
  });

  it('refuses the second plugin of an id', async () => {
    const first = await writePluginPackage(root, { id: 'a' });
    const second = await writePluginPackage(join(root, 'other'), { id: 'a' });
    const result = await plan([pluginEntry(first), pluginEntry(second)]);
    expect(result.ordered).toHaveLength(1);
    expect(message(result, 'a')).toContain(`${second} and ${first}`);
  });

  it('checks the section of a plugin by its schema, and fills in the defaults', async () => {
    const configSchema = {
      type: 'object',
      properties: { folder: { type: 'string' }, depth: { type: 'integer', default: 3 } },
      required: ['folder'],
      additionalProperties: false,
    };
    await writePluginPackage(root, { id: 'a', configSchema });
    await writePluginPackage(root, { id: 'b', configSchema, dependencies: ['nobody'] });
    const config = Object.freeze({ folder: 'x' });
    const result = await plan([
      pluginEntry('a', { config }),
      pluginEntry('b', { config: { foldr: 1, depth: 'deep' } }),
    ]);
    expect(result.ordered[0]?.config).toEqual({ folder: 'x', depth: 3 });
    expect(codes(result)).toEqual(['b DW_PLUGIN_CONFIG_INVALID, DW_PLUGIN_DEPENDENCY_MISSING']);
    expect(result.refused[0]?.errors[0]?.details.issues).toEqual([
      "config must have required property 'folder'",
      'config.foldr is no known key; did you mean "folder"?',
      'config.depth must be integer',
    ]);
  });

  it('refuses a plugin whose schema is none', async () => {
    await writePluginPackage(root, { id: 'a', configSchema: { type: 'nonsense' } });
    await writePluginPackage(root, { id: 'b', manifest: { configSchema: './none.json' } });
    expect(codes(await plan([pluginEntry('a'), pluginEntry('b')]))).toEqual([
      'a DW_PLUGIN_MANIFEST_INVALID',
      'b DW_PLUGIN_MANIFEST_INVALID',
    ]);
  });
});
