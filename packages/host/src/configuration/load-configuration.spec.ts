import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfiguration, resolveConfiguration } from './load-configuration.js';

describe('loadConfiguration', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-config-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function load(name: string, text: string, env: Record<string, string> = {}) {
    await writeFile(join(folder, name), text);
    return loadConfiguration({ file: name, env, cwd: folder });
  }

  it('has a default for everything', async () => {
    const configuration = await loadConfiguration({ env: {}, cwd: folder });
    expect(configuration).toEqual({
      directory: folder,
      dataDirectory: join(homedir(), '.datawarehouse'),
      node: {},
      http: { host: '127.0.0.1', port: 7080 },
      log: { level: 'info', format: 'auto' },
      cluster: { peers: [] },
      plugins: [
        {
          package: '@datawarehouse/plugin-ultimate-replication',
          required: false,
          enabled: true,
          config: {},
        },
        { package: '@datawarehouse/plugin-aeds-core', required: false, enabled: true, config: {} },
      ],
      scaling: {},
      timeouts: { initializeMs: 30_000, startMs: 30_000, stopMs: 30_000 },
    });
    expect(Object.isFrozen(configuration.http)).toBe(true);
  });

  it('reads JSON, YAML and TypeScript alike', async () => {
    const expected = { host: '127.0.0.1', port: 8123 };
    expect((await load('a.json', '{"http":{"port":8123}}')).http).toEqual(expected);
    expect((await load('a.yaml', 'http:\n  port: 8123 # here\nlog:\n')).http).toEqual(expected);
    const text =
      'const port: number = 8123;\nexport default { http: { port } } satisfies { http: { port: number } };';
    expect((await load('a.ts', text)).http).toEqual(expected);
    expect((await load('a.mjs', 'export default { http: { port: 8123 } };')).http).toEqual(
      expected,
    );
  });

  it('puts flags over environment over file', async () => {
    await writeFile(
      join(folder, 'dw.yaml'),
      'node: { id: file }\nhttp: { port: 1 }\nlog: { level: warn }',
    );
    const configuration = await loadConfiguration({
      file: 'dw.yaml',
      cwd: folder,
      env: { DW_NODE_ID: 'environment', DW_HTTP_PORT: '2', DW_LOG_FORMAT: '', DW_DATA_DIR: 'here' },
      flags: { httpPort: '3' },
    });
    expect(configuration.node.id).toBe('environment');
    expect(configuration.http.port).toBe(3);
    expect(configuration.log).toEqual({ level: 'warn', format: 'auto' });
    expect(configuration.dataDirectory).toBe(join(folder, 'here'));
  });

  it('splits the peers of the environment', async () => {
    const secret = 'x'.repeat(32);
    const { cluster } = await loadConfiguration({
      env: { DW_CLUSTER_PEERS: 'http://a:1, http://b:2', DW_CLUSTER_SECRET: secret },
      cwd: folder,
    });
    expect(cluster).toEqual({ secret, peers: ['http://a:1', 'http://b:2'] });
  });

  it('resolves the data directory from the folder of the file', async () => {
    const { dataDirectory, directory } = await load('a.json', '{"dataDirectory":"data"}');
    expect(dataDirectory).toBe(join(folder, 'data'));
    expect(directory).toBe(folder);
  });

  it('names the file that cannot be read', async () => {
    await expect(
      loadConfiguration({ file: 'none.yaml', env: {}, cwd: folder }),
    ).rejects.toMatchObject({
      code: 'DW_CONFIG_UNREADABLE',
      message: expect.stringContaining(join(folder, 'none.yaml')),
    });
    await expect(load('a.toml', '')).rejects.toMatchObject({ code: 'DW_CONFIG_FORMAT' });
  });

  it.each([
    ['a.json', '{\n "http": {\n  "port": }\n}', 'line 3'],
    ['b.json', '{\n "http": {},\n}', 'line 3'],
    ['a.yaml', 'http:\n  port: [1\nlog: {}\n', 'line'],
    ['a.ts', 'export default {', 'malformed'],
    ['b.ts', "throw new Error('no such host');", 'no such host'],
    ['c.ts', 'export const a = 1;', 'no default export'],
  ])('says where %s is malformed', async (name, text, place) => {
    await expect(load(name, text)).rejects.toMatchObject({
      code: 'DW_CONFIG_SYNTAX',
      message: expect.stringMatching(new RegExp(`${name}.*${place}`)),
    });
  });

  it('tells every wrong key with its line and what was meant', async () => {
    const text =
      'http:\n  prot: 7080\n  port: many\nplugin: []\nplugins:\n  - { required: true }\n';
    const error = await load('a.yaml', text).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'DW_CONFIG_INVALID' });
    const issues = (error as { details: { issues: string[] } }).details.issues;
    expect(issues).toHaveLength(4);
    expect(issues).toContainEqual('http.prot (line 2): is no known key; did you mean "port"?');
    expect(issues).toContainEqual(expect.stringMatching(/^http\.port \(line 3\): .*number/));
    expect(issues).toContainEqual('plugin (line 4): is no known key; did you mean "plugins"?');
    expect(issues).toContainEqual('plugins[0] (line 6): must name either a "package" or a "path"');
  });

  it('names the variable or the command line where a value came from there', async () => {
    await expect(load('a.json', '{}', { DW_HTTP_PORT: 'many' })).rejects.toMatchObject({
      message: expect.stringContaining('http.port (DW_HTTP_PORT): '),
    });
    await expect(
      loadConfiguration({ env: {}, cwd: folder, flags: { httpPort: 70_000 } }),
    ).rejects.toMatchObject({ message: expect.stringContaining('http.port (the command line): ') });
  });

  it('refuses peers without a secret', async () => {
    await expect(load('a.yaml', 'cluster: { peers: ["http://a:1"] }')).rejects.toMatchObject({
      message: expect.stringContaining('cluster.secret'),
    });
  });

  it('refuses what is no object', async () => {
    await expect(load('a.json', '[]')).rejects.toMatchObject({ code: 'DW_CONFIG_INVALID' });
    expect(() => resolveConfiguration(7)).toThrow('The configuration is not valid');
  });
});
