import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DwResult, runDw } from '../support/dw-process.js';
import { NodeProcess } from '../support/node-process.js';
import { writePlugin } from '../support/plugin-folder.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** One line that says what is wrong with its code, one that says what to do, and nothing else. */
function expectRefusal(result: DwResult, exitCode: number, code: string): void {
  expect(result.stdout).toBe('');
  const lines = result.stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('{'));
  expect(lines[0]).toMatch(/^dw: /);
  expect(lines[0]).toContain(`[${code}]`);
  expect(lines[1]).toMatch(/^hint: \S/);
  expect(lines).toHaveLength(2);
  expect(result.stderr).not.toMatch(/\n\s+at /);
  expect(result.code).toBe(exitCode);
}

async function startWith(configuration: unknown): Promise<DwResult> {
  const file = join(folder.path, 'dw.json');
  const base = { dataDirectory: './data', http: { port: 0 }, log: { level: 'silent' } };
  await writeFile(file, JSON.stringify({ ...base, ...(configuration as object) }));
  return runDw(['start', '--config', file]);
}

describe('dw, used wrongly', () => {
  it('refuses an unknown command with exit code 2 and a suggestion', async () => {
    const result = await runDw(['stauts']);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/unknown command.*stauts/i);
    expect(result.stderr).toMatch(/status/);
  });

  it('refuses an unknown option with exit code 2', async () => {
    const result = await runDw(['status', '--nonsense']);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/--nonsense/);
  });

  it('refuses a missing argument with exit code 2', async () => {
    expect((await runDw(['put', 'docs'])).code).toBe(2);
  });

  it('says which file is missing', async () => {
    await using node = await NodeProcess.start({ folder: join(folder.path, 'n'), nodeId: 'n1' });
    const result = await runDw(['put', 'docs', 'k', join(folder.path, 'none'), ...node.flags]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('none');
    expect(result.stderr).toMatch(/\nhint: /);
  });

  it('says that no node answers at the endpoint', async () => {
    const result = await runDw([
      'status',
      '--endpoint',
      'http://127.0.0.1:9',
      '--token',
      'x'.repeat(20),
    ]);
    expectRefusal(result, 1, 'DW_CLI_UNREACHABLE');
  });

  it('says that no node runs on the data directory', async () => {
    expectRefusal(await runDw(['status', '--data-dir', folder.path]), 1, 'DW_CLI_NO_NODE');
  });

  it('prints errors as JSON with --json', async () => {
    const result = await runDw(['status', '--data-dir', folder.path, '--json']);
    expect(result.code).toBe(1);
    const { error } = JSON.parse(result.stdout) as { error: { code: string; hint: string } };
    expect(error.code).toBe('DW_CLI_NO_NODE');
    expect(error.hint).not.toBe('');
  });

  it('says that the token is wrong', async () => {
    await using node = await NodeProcess.start({ folder: join(folder.path, 'n'), nodeId: 'n1' });
    const result = await runDw(['status', '--endpoint', node.endpoint, '--token', 'y'.repeat(20)]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/token/i);
    expect(result.stderr).toMatch(/\nhint: /);
  });
});

describe('dw start, given what cannot work', () => {
  it('refuses a port out of range with exit code 2', async () => {
    expect((await runDw(['start', '--port', '70000', '--data-dir', folder.path])).code).toBe(2);
  });

  it('says that the port is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      expectRefusal(await startWith({ http: { port } }), 1, 'DW_HOST_PORT_IN_USE');
    } finally {
      server.close();
    }
  });

  it('says which process uses the data directory', async () => {
    await using node = await NodeProcess.start({ folder: folder.path, nodeId: 'n1' });
    const result = await runDw([
      'start',
      '--data-dir',
      node.dataDirectory,
      '--port',
      '0',
      '--log-level',
      'silent',
    ]);
    expectRefusal(result, 1, 'DW_STORE_LOCKED');
    expect(result.stderr).toMatch(/pid \d+|process \d+/);
  });

  it('says which configuration file is missing', async () => {
    const result = await runDw(['start', '--config', join(folder.path, 'none.yaml')]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^dw: .*none\.yaml.*\[DW_CONFIG_\w+\]\nhint: /);
  });

  it('says where a configuration file is malformed', async () => {
    const file = join(folder.path, 'dw.yaml');
    await writeFile(file, 'http:\n  port: [1\n');
    const result = await runDw(['start', '--config', file]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^dw: .*dw\.yaml.*\[DW_CONFIG_\w+\]\nhint: /);
  });

  it('names a wrong key of the configuration', async () => {
    const result = await startWith({ http: { prot: 1 } });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/http.*prot/);
    expect(result.stderr).toMatch(/\nhint: /);
  });
});

describe('dw start, given plugins that cannot work', () => {
  const sdk = '^6.0.0';

  it.each<[string, { manifest: unknown; entry?: string }, string]>([
    [
      'a corrupt manifest',
      { manifest: { id: 'Bad Id', entry: 'x' } },
      'DW_PLUGIN_MANIFEST_INVALID',
    ],
    [
      'a plugin that throws',
      {
        manifest: { id: 'throws', entry: './index.js', sdk },
        entry:
          "export const createPlugin = () => ({ async initializeAsync() { throw new Error('no luck'); } });",
      },
      'DW_PLUGIN_FAILED',
    ],
    [
      'a plugin that never returns',
      {
        manifest: { id: 'hangs', entry: './index.js', sdk },
        entry:
          'export const createPlugin = () => ({ initializeAsync: () => new Promise(() => {}) });',
      },
      'DW_PLUGIN_TIMEOUT',
    ],
  ])('refuses %s that is required, and says so', async (_, source, code) => {
    const path = await writePlugin(folder.path, 'plugin', source);
    const result = await startWith({
      plugins: [{ path, required: true }],
      timeouts: { initializeMs: 300 },
    });
    expectRefusal(result, 1, code);
  });

  it('does not run the code of a plugin that needs SDK 7', async () => {
    const proof = join(folder.path, 'proof');
    const path = await writePlugin(folder.path, 'future', {
      manifest: { id: 'future', entry: './index.js', sdk: '^7.0.0' },
      entry: `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(proof)}, 'ran');`,
    });
    const result = await startWith({ plugins: [{ path, required: true }] });
    expectRefusal(result, 1, 'DW_PLUGIN_SDK_RANGE');
    expect(result.stderr).toMatch(/\^7\.0\.0/);
    expect(existsSync(proof)).toBe(false);
  });

  it('starts the others where the broken one is not required', async () => {
    const broken = await writePlugin(folder.path, 'broken', { manifest: {} });
    const fine = await writePlugin(folder.path, 'fine', {
      manifest: { id: 'fine', entry: './index.js', sdk },
    });
    await mkdir(join(folder.path, 'n'), { recursive: true });
    await using node = await NodeProcess.start({
      folder: join(folder.path, 'n'),
      nodeId: 'n1',
      plugins: [{ path: broken }, { path: fine }],
    });
    const { stdout } = await runDw(['plugins', 'list', '--json', ...node.flags]);
    const states = (JSON.parse(stdout) as { id: string; state: string }[]).map(
      ({ id, state }) => `${id} ${state}`,
    );
    expect(states).toContain('fine running');
    expect(states.some((line) => line.endsWith('refused'))).toBe(true);
  });
});
