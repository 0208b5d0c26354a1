import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from './run-cli.js';

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  readonly variables?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly signal?: AbortSignal;
}

const commands = `
const echo = (name, extra = {}) => ({
  name,
  summary: 'echoes ' + name,
  help: 'Example:\\n  $ dw ' + name,
  async run({ arguments: given, options, output }) {
    output.result({ name, given, options }, () => output.line(name));
  },
  ...extra,
});
export const commands = [
  echo('echo', {
    arguments: [{ name: 'first', summary: 'one' }, { name: 'second', summary: 'two', required: false }],
    options: [
      { flags: '--tag <text>', summary: 'a tag', repeatable: true },
      { flags: '--colour <name>', summary: 'a colour', choices: ['red', 'blue'] },
      { flags: '--all', summary: 'all of it' },
      { flags: '--limit <n>', summary: 'most', defaultValue: '10' },
      { flags: '--endpoint <url>', summary: 'the same name as a global one' },
    ],
  }),
  echo('rooms'),
  echo('rooms set', { arguments: [{ name: 'room', summary: 'a room' }] }),
  echo('doors open'),
  { name: 'ask', summary: 'asks', async run({ api, output }) {
    output.result(await (await api.request('GET', '/x')).json(), () => output.line(api.endpoint));
  } },
  { name: 'copy', summary: 'copies', async run({ input, output }) {
    for await (const chunk of input) await output.write(chunk);
  } },
  { name: 'hang', summary: 'hangs', run: ({ signal }) => new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  }) },
  { name: 'fail', summary: 'fails', async run() { throw new RangeError('no\\nluck'); } },
];
`;

let folder: string;
let node: Server;
let endpoint: string;

async function writePlugin(id: string, manifest: unknown, module = ''): Promise<string> {
  const path = join(folder, id);
  await mkdir(path);
  const text = JSON.stringify({
    name: id,
    version: '1.0.0',
    type: 'module',
    datawarehouse: manifest,
  });
  await writeFile(join(path, 'package.json'), text);
  await writeFile(join(path, 'index.js'), 'throw new Error("imported");');
  await writeFile(join(path, 'commands.js'), module);
  return path;
}

function manifestOf(id: string, names: readonly string[]) {
  const list = names.map((name) => ({ name, summary: `about ${name}` }));
  return {
    id,
    entry: './index.js',
    sdk: '^6.0.0',
    contributes: { commands: { module: './commands.js', list } },
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dw-cli-'));
  const words = ['echo', 'rooms', 'doors', 'ask', 'copy', 'hang', 'fail', 'absent', 'status'];
  const good = await writePlugin('good', manifestOf('good', words), commands);
  const broken = await writePlugin('broken', { id: 'Not An Id' });
  const unloadable = await writePlugin(
    'unloadable',
    manifestOf('unloadable', ['boom']),
    'throw new Error("cannot load");',
  );
  const plugins = [good, broken, unloadable].map((path) => ({ path }));
  await writeFile(join(folder, 'dw.json'), JSON.stringify({ dataDirectory: './data', plugins }));
  node = createServer((request, response) => {
    response.end(JSON.stringify({ token: request.headers.authorization }));
  });
  node.listen(0, '127.0.0.1');
  await once(node, 'listening');
  const address = node.address();
  endpoint =
    typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
});

afterAll(async () => {
  node.closeAllConnections();
  node.close();
  await rm(folder, { recursive: true });
});

async function dw(argv: readonly string[], options: Options = {}): Promise<Result> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runCli(['--config', join(folder, 'dw.json'), ...argv], '6.0.0', {
    stdout,
    stderr,
    stdin: Readable.from([Buffer.from(options.input ?? '')]),
    variables: options.variables ?? {},
    workingDirectory: folder,
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

describe('runCli, help', () => {
  it('prints its version', async () => {
    expect(await dw(['--version'])).toMatchObject({ code: 0, stdout: '6.0.0\n' });
  });

  it('lists its own commands and those of plugins, without importing any', async () => {
    const { code, stdout } = await dw(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}start /m);
    expect(stdout).toMatch(/^Commands of plugin good:$/m);
    expect(stdout).toMatch(/^ {2}rooms +about rooms$/m);
    expect(stdout).toMatch(/^ {2}boom +about boom$/m);
  });

  it('prints the help on standard error, with exit code 2, where no command is given', async () => {
    const { code, stdout, stderr } = await dw([]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('Usage: dw');
  });

  it('has a broken plugin cost a note, not the command line', async () => {
    const { code, stderr } = await dw(['echo', 'x']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^note: .*\[DW_PLUGIN_MANIFEST_INVALID\]$/m);
  });

  it('says nothing of plugins to its own commands', async () => {
    expect((await dw(['status', '--help'])).stderr).toBe('');
  });

  it.each([
    [['help', 'rooms', 'set']],
    [['rooms', 'set', '--help']],
    [['rooms', 'set', '-h', 'x']],
  ])('prints the same help for %j', async (argv) => {
    const { code, stdout } = await dw(argv);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: dw rooms set');
    expect(stdout).toContain('$ dw rooms set');
    expect(stdout).toContain('--endpoint');
  });

  it.each(['start', 'status', 'plugins', 'limits', 'quickstart'])(
    'has an example for %s',
    async (name) => {
      expect((await dw(['help', name])).stdout).toMatch(/^Examples?:\n {2}\$ dw /m);
    },
  );
});

describe('runCli, wrong usage', () => {
  it.each<[string, readonly string[], RegExp]>([
    [
      'an unknown command',
      ['stauts'],
      /^dw: Unknown command 'stauts' \[DW_CLI_USAGE\]\nhint: .*status/m,
    ],
    ['a misspelt command of a plugin', ['roms'], /hint: .*rooms/],
    ['an unknown command under help', ['help', 'roms'], /Unknown command 'roms'/],
    ['an unknown command with --help', ['nonsense', '--help'], /Unknown command 'nonsense'/],
    [
      'an unknown word of a group that is a command',
      ['rooms', 'sett'],
      /'rooms sett'.*\nhint: .*dw rooms set/m,
    ],
    ['an unknown word of a group', ['doors', 'close'], /unknown command 'close'/i],
    ['an unknown option', ['status', '--nonsense'], /--nonsense/],
    ['a missing argument', ['echo'], /missing required argument 'first'/i],
    ['a value that is no choice', ['echo', 'x', '--colour', 'green'], /red, blue/],
    ['too many arguments', ['echo', 'a', 'b', 'c'], /expected 2, got 3/],
    ['an option without its value', ['echo', 'x', '--tag'], /--tag/],
    ['an endpoint that is none', ['status', '--endpoint', 'nonsense'], /--endpoint.*nonsense/],
    ['a port out of range', ['start', '--port', '70000'], /70000/],
    ['an unknown log level', ['start', '--log-level', 'loud'], /loud/],
    ['a limit without a value', ['limits', 'set', 'x', 'maxQueueDepth'], /maxQueueDepth/],
  ])('refuses %s', async (_, argv, message) => {
    const { code, stdout, stderr } = await dw(argv);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^hint: \S/m);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('prints the help of a group on standard error', async () => {
    const { code, stderr } = await dw(['doors']);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: dw doors');
  });

  it('is an object with --json, wherever it stands', async () => {
    for (const argv of [
      ['--json', 'stauts'],
      ['status', '--nonsense', '--json'],
      ['doors', '--json'],
      ['--json'],
    ]) {
      const { code, stdout } = await dw(argv);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'DW_CLI_USAGE' } });
      expect(code).toBe(2);
    }
  });
});

describe('runCli, commands of plugins', () => {
  it('gives arguments and options as declared', async () => {
    const argv = ['echo', 'a', '--tag', 'x', '--json', '--tag=y', '--colour', 'red', '--all'];
    const { code, stdout } = await dw(argv);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      name: 'echo',
      given: { first: 'a' },
      options: { tag: ['x', 'y'], colour: 'red', all: true, limit: '10' },
    });
  });

  it('takes everything behind -- as arguments', async () => {
    const { stdout } = await dw(['echo', '--json', '--', '--all', '-x']);
    expect(JSON.parse(stdout)).toMatchObject({ given: { first: '--all', second: '-x' } });
  });

  it('gives a global option to the command that declares it too', async () => {
    const { stdout } = await dw(['echo', 'a', '--json', '--endpoint', 'http://x:1']);
    expect(JSON.parse(stdout)).toMatchObject({ options: { endpoint: 'http://x:1' } });
  });

  it('runs a group that is a command, and the commands under it', async () => {
    expect((await dw(['rooms'])).stdout).toBe('rooms\n');
    expect((await dw(['rooms', 'set', 'r1'])).stdout).toBe('rooms set\n');
    expect((await dw(['doors', 'open'])).stdout).toBe('doors open\n');
  });

  it('leaves a word of its own to itself', async () => {
    expect((await dw(['status'])).stderr).toContain('[DW_CLI_NO_NODE]');
  });

  it('asks for the node only when the command does', async () => {
    expect((await dw(['echo', 'x'])).code).toBe(0);
    expect((await dw(['ask'])).stderr).toContain('[DW_CLI_NO_NODE]');
  });

  it('calls the node that flags or the environment name', async () => {
    const flags = ['--endpoint', endpoint, '--token', 'abc'];
    expect(JSON.parse((await dw(['ask', '--json', ...flags])).stdout)).toEqual({
      token: 'Bearer abc',
    });
    const variables = { DW_ENDPOINT: endpoint, DW_TOKEN: 'a-token-of-the-environment' };
    expect((await dw(['ask'], { variables })).stdout).toBe(`${endpoint}\n`);
  });

  it('shows requests with --verbose, and never the token', async () => {
    const { stderr } = await dw(['ask', '--verbose', '--endpoint', endpoint, '--token', 's3cret']);
    expect(stderr).toMatch(/GET http:.*\/x 200 in \d+ ms/);
    expect(stderr).not.toContain('s3cret');
  });

  it('passes standard input on, byte by byte', async () => {
    expect((await dw(['copy'], { input: 'ä\0b' })).stdout).toBe('ä\0b');
  });

  it('ends with 130 when interrupted', async () => {
    const { cliError } = await import('./cli-errors.js');
    const reason = cliError('DW_CLI_INTERRUPTED', { details: { signalNumber: 2 } });
    const abort = new AbortController();
    const ended = dw(['hang'], { signal: abort.signal });
    setImmediate(() => abort.abort(reason));
    expect((await ended).code).toBe(130);
  });

  it('shows an unexpected error in one line', async () => {
    const { code, stderr } = await dw(['fail']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^dw: .*: no \[DW_CLI_UNEXPECTED\]$/m);
  });

  it('names the plugin whose commands cannot be loaded, or are not there', async () => {
    expect((await dw(['boom'])).stderr).toMatch(
      /plugin unloadable.*cannot load \[DW_CLI_COMMAND_UNLOADABLE\]/,
    );
    expect((await dw(['absent'])).stderr).toMatch(
      /plugin good.*absent.*\[DW_CLI_COMMAND_MISSING\]/i,
    );
  });

  it('is there although the configuration is broken, and the need for it is not hidden', async () => {
    const { code, stderr } = await dw(['--config', join(folder, 'none.json'), 'help']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^note: .*none\.json.*\[DW_CONFIG_UNREADABLE\]$/m);
    const status = await dw(['--config', join(folder, 'none.json'), 'status']);
    expect(status.stderr).toContain('[DW_CONFIG_UNREADABLE]');
    expect(status.code).toBe(1);
  });
});
