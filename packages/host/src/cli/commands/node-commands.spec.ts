import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../run-cli.js';

/** Plugins in a temporary folder have nothing installed. */
const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@datawarehouse/sdk')).href;

/** A plugin with one subsystem, as anybody could write it. */
const plugin = `
import { ComposedSubsystem, IScalableSubsystem } from ${JSON.stringify(sdk)};
export const createPlugin = () => ({
  async initializeAsync({ services }) {
    services.provide(IScalableSubsystem, new ComposedSubsystem({ subsystemName: 'tiny' }));
  },
});
`;

let folder: string;
let stop: AbortController;
let started: Promise<number>;
let ready: Readonly<Record<string, string>>;

function environmentOf(stdout: PassThrough, stderr: PassThrough, signal: AbortSignal) {
  return {
    stdout,
    stderr,
    stdin: Readable.from([]),
    variables: {},
    workingDirectory: folder,
    signal,
  };
}

async function dw(...argv: readonly string[]) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const { signal } = new AbortController();
  const all = [...argv, '--config', join(folder, 'dw.json')];
  const code = await runCli(all, '6.0.0', environmentOf(stdout, stderr, signal));
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dw-cli-'));
  for (const [id, text] of Object.entries({ tiny: plugin, broken: 'throw new Error("broken");' })) {
    await mkdir(join(folder, id));
    const manifest = { id, entry: './index.js', sdk: '^6.0.0' };
    const file = { name: id, version: '1.2.3', type: 'module', datawarehouse: manifest };
    await writeFile(join(folder, id, 'package.json'), JSON.stringify(file));
    await writeFile(join(folder, id, 'index.js'), text);
  }
  const plugins = [{ path: join(folder, 'tiny') }, { path: join(folder, 'broken') }];
  const configuration = { dataDirectory: './data', http: { port: 0 }, plugins };
  await writeFile(join(folder, 'dw.json'), JSON.stringify(configuration));
  stop = new AbortController();
  const stdout = new PassThrough();
  const argv = ['start', '--config', join(folder, 'dw.json'), '--json', '--node-id', 'n1'];
  const environment = environmentOf(stdout, new PassThrough(), stop.signal);
  started = runCli([...argv, '--log-level', 'silent'], '6.0.0', environment);
  const line = new Promise<Buffer>((resolve) => stdout.once('data', resolve));
  ready = JSON.parse(String(await line));
});

afterAll(async () => {
  stop.abort(new Error('enough'));
  await started;
  await rm(folder, { recursive: true });
});

describe('dw start', () => {
  it('prints one line: who it is, where it listens, where the token is', () => {
    expect(ready).toMatchObject({
      nodeId: 'n1',
      endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      tokenFile: join(folder, 'data', 'token'),
      dataDirectory: join(folder, 'data'),
      pid: process.pid,
    });
  });

  it('refuses a data directory that is in use', async () => {
    const { code, stderr } = await dw('start', '--log-level', 'silent');
    expect(stderr).toMatch(/^dw: .*\[DW_STORE_LOCKED\]\nhint: /);
    expect(code).toBe(1);
  });
});

describe('dw status', () => {
  it('finds the node by its data directory, and shows it', async () => {
    const { code, stdout } = await dw('status');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^n1 +http:\/\/127\.0\.0\.1:\d+ +\d+\.\d+\.\d+ +yes +degraded /m);
    expect(stdout).toMatch(/^BUS +SUBSCRIBERS +WAITING MESSAGES +WAITING PUBLISHERS +FAILED /m);
    expect(stdout).toMatch(/^normal +\d+ +0 +0 +0 +0 /m);
    expect(stdout).toMatch(/^tiny +running +healthy/m);
    expect(stdout).toMatch(/^broken +failed +- +Plugin broken cannot be imported: broken$/m);
  });

  it('passes the whole answer on with --json', async () => {
    const answer = JSON.parse((await dw('status', '--json')).stdout);
    expect(answer).toMatchObject({ nodeId: 'n1', isReady: true, memory: expect.any(Object) });
  });
});

describe('dw plugins', () => {
  it('lists the plugins with what is wrong', async () => {
    for (const argv of [['plugins'], ['plugins', 'list']]) {
      const { stdout } = await dw(...argv);
      expect(stdout).toMatch(/^tiny +1\.2\.3 +running +healthy +no +-$/m);
      expect(stdout).toMatch(/^broken +1\.2\.3 +failed +- +no +DW_PLUGIN_IMPORT_FAILED$/m);
    }
  });

  it('is an array with --json', async () => {
    const listed = JSON.parse((await dw('plugins', 'list', '--json')).stdout) as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(['tiny', 'broken']);
  });

  it('shows one in full, with its problem and the remedy', async () => {
    const { stdout } = await dw('plugins', 'info', 'broken');
    expect(stdout).toMatch(/^package +broken 1\.2\.3$/m);
    expect(stdout).toMatch(/^problem +.*\[DW_PLUGIN_IMPORT_FAILED\]$/m);
    expect(stdout).toMatch(/^hint +\S/m);
  });

  it('does not know a stranger', async () => {
    const { code, stderr } = await dw('plugins', 'info', 'stranger');
    expect(stderr).toMatch(/^dw: .*stranger.*\[DW_API_UNKNOWN_PLUGIN\]\nhint: /);
    expect(code).toBe(1);
  });
});

describe('dw limits', () => {
  it('changes a limit while the node runs', async () => {
    const { code, stdout } = await dw('limits', 'set', 'tiny', 'maxMemoryBytes=64MiB');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^maxMemoryBytes +104857600 +67108864$/m);
    expect((await dw('limits')).stdout).toMatch(/^tiny +tiny +normal +10000 +67108864 +64 +1000$/m);
  });

  it('changes several at once, and answers both states with --json', async () => {
    const argv = ['limits', 'set', 'tiny', 'maxQueueDepth=0', 'maxCacheEntries=7', '--json'];
    expect(JSON.parse((await dw(...argv)).stdout)).toMatchObject({
      oldLimits: { maxQueueDepth: 1000 },
      newLimits: { maxQueueDepth: 0, maxCacheEntries: 7 },
    });
  });

  it.each([
    ['a value out of range', ['tiny', 'maxCacheEntries=0'], 1, 'DW_SCALING_INVALID_LIMITS'],
    ['an unknown subsystem', ['none', 'maxCacheEntries=5'], 1, 'DW_HOST_SUBSYSTEM_UNKNOWN'],
    ['an unknown limit', ['tiny', 'maxSpeed=5'], 2, 'DW_CLI_USAGE'],
    ['no number', ['tiny', 'maxQueueDepth=many'], 2, 'DW_CLI_USAGE'],
  ])('refuses %s', async (_, argv, exitCode, errorCode) => {
    const { code, stderr } = await dw('limits', 'set', ...argv);
    expect(stderr).toMatch(new RegExp(`^dw: .*\\[${errorCode}\\]\\nhint: `));
    expect(code).toBe(exitCode);
  });
});
