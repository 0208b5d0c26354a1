import { describe, expect, it } from 'vitest';
import { parsePluginManifest } from './plugin-manifest.js';

const minimal = { id: 'my-plugin', entry: './dist/index.js', sdk: '^6.0.0' };

describe('parsePluginManifest', () => {
  it('completes a minimal manifest, and freezes it', () => {
    const manifest = parsePluginManifest(minimal, 'my-plugin');
    expect(manifest).toEqual({
      ...minimal,
      dependencies: [],
      optionalDependencies: [],
      contributes: {},
    });
    expect(Object.isFrozen(manifest)).toBe(true);
  });

  it('keeps everything that a manifest may say', () => {
    const full = {
      ...minimal,
      dependencies: ['other'],
      optionalDependencies: ['another'],
      configSchema: './config.schema.json',
      contributes: {
        commands: { module: './dist/cli.js', list: [{ name: 'put', summary: 'Stores a file.' }] },
      },
    };
    expect(parsePluginManifest(full, 'x')).toEqual(full);
  });

  it.each([
    ['id', { ...minimal, id: 'My Plugin' }],
    ['id', { ...minimal, id: '../x' }],
    ['entry', { ...minimal, entry: 'dist/index.js' }],
    ['entry', { ...minimal, entry: './../other/index.js' }],
    ['entry', { ...minimal, entry: './dist/../../x.js' }],
    ['sdk', { ...minimal, sdk: 'six' }],
    ['configSchema', { ...minimal, configSchema: '/etc/passwd' }],
    ['dependencies.0', { ...minimal, dependencies: ['A'] }],
    [
      'contributes.commands.list',
      { ...minimal, contributes: { commands: { module: './x.js', list: [] } } },
    ],
    ['datawarehouse', { ...minimal, surprise: true }],
    ['datawarehouse', undefined],
    ['datawarehouse', null],
    ['datawarehouse', []],
  ])('names the field %s of %j', (field, value) => {
    expect(() => parsePluginManifest(value, 'package-x')).toThrow(
      expect.objectContaining({
        code: 'DW_PLUGIN_MANIFEST_INVALID',
        message: expect.stringContaining(`package-x is malformed: ${field}: `),
      }),
    );
  });

  it('tells all problems at once', () => {
    expect(() => parsePluginManifest({}, 'x')).toThrow(
      expect.objectContaining({
        details: {
          source: 'x',
          issues: [
            expect.stringMatching(/^id: /),
            expect.stringMatching(/^entry: /),
            expect.stringMatching(/^sdk: /),
          ],
        },
      }),
    );
  });
});
