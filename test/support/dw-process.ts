import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The dw command, as built. */
const dwMain: string = join(
  dirname(require.resolve('@datawarehouse/host/package.json')),
  'dist',
  'cli',
  'main.js',
);

/** What a finished command left behind. */
export interface DwResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface DwOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
}

/** Starts `dw` with an environment that knows no node. */
export function spawnDw(args: readonly string[], options: DwOptions = {}): ChildProcess {
  // What colours a test run must not colour, or add warnings to, what is compared here.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^DW_|^FORCE_COLOR$/.test(name),
  );
  return spawn(process.execPath, [dwMain, ...args], {
    cwd: options.cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs `dw` to its end. */
export async function runDw(args: readonly string[], options: DwOptions = {}): Promise<DwResult> {
  const child = spawnDw(args, options);
  const stdout = collect(child, 'stdout');
  const stderr = collect(child, 'stderr');
  child.stdin?.end(options.input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: stdout(), stderr: stderr() };
}

/** Runs `dw … --json`, expects success, and parses what it printed. */
export async function runDwJson<T>(args: readonly string[], options: DwOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await runDw(['--json', ...args], options);
  if (code !== 0) throw new Error(`dw ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

function collect(child: ChildProcess, name: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[name]?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return () => text;
}

/** Resolves to the first line of standard output; rejects when the process ends without one. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      errors = (errors + piece).slice(-4000);
    });
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    child.once('close', (code) => {
      reject(new Error(`dw ended with ${code} before it was ready: ${errors}`));
    });
  });
}
