import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, readFile, realpath } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
/** User without rights, who may run what refuses to run as root. */
const nobody = 65_534;

/** A server of our own, on a free port of this machine. */
export interface BenchServer {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Why a server does not run. */
export interface Refusal {
  readonly note: string;
}

/** Where a program is; `undefined` where it is not installed. */
export async function findProgram(name: string): Promise<string | undefined> {
  try {
    const { stdout } = await execute('which', [name]);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** The words before a command that count its calls for syncing into a file. */
export function counting(file: string): readonly string[] {
  const calls = 'trace=fsync,fdatasync,msync,sync_file_range';
  return ['strace', '-f', '-c', '-o', file, '-e', calls];
}

/** Calls for syncing that were counted into a file. */
export async function syncsIn(file: string): Promise<number> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines
    .filter((line) => /\s(?:fsync|fdatasync|msync|sync_file_range)$/.test(line))
    .reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[3] ?? 0), 0);
}

export async function startRedis(folder: string, prefix: readonly string[] = []) {
  const program = await findProgram('redis-server');
  if (program === undefined) return { note: 'redis-server is not installed' };
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const durability = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  return await start([...prefix, program, ...address, ...durability], port, {});
}

export async function startPostgres(folder: string, prefix: readonly string[] = []) {
  const program = await findProgram('postgres');
  if (program === undefined) return { note: 'postgres is not installed' };
  const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  await mkdir(folder, { recursive: true });
  if (user.uid !== undefined) {
    await chown(folder, nobody, nobody);
    await chmod(dirname(folder), 0o755);
  }
  const data = join(folder, 'data');
  // Where the others of its programs are; not where a link to it may be.
  const programs = dirname(await realpath(program));
  const port = await freePort();
  try {
    const arguments_ = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-instructions'];
    await execute(join(programs, 'initdb'), arguments_, { ...user, cwd: folder });
  } catch (error) {
    return { note: `postgres cannot be set up here: ${(error as Error).message.slice(0, 100)}` };
  }
  const options = ['-D', data, '-p', String(port), '-k', folder, '-c', 'max_connections=120'];
  return await start([...prefix, program, ...options], port, { ...user, cwd: folder });
}

async function start(
  command: readonly string[],
  port: number,
  options: { readonly uid?: number; readonly gid?: number; readonly cwd?: string },
): Promise<BenchServer | Refusal> {
  const [program = '', ...rest] = command;
  const child = spawn(program, rest, { ...options, stdio: 'ignore' });
  await answers(port, child);
  const traced = program === 'strace' ? await firstChild(child.pid ?? 0) : undefined;
  const pid = traced ?? child.pid ?? 0;
  return {
    port,
    pid,
    stop: async () => {
      const exited = once(child, 'exit');
      process.kill(pid, 'SIGINT');
      await exited;
    },
  };
}

async function firstChild(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1');
  return Number(children.trim().split(' ')[0]);
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`A server ended with ${child.exitCode}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('A server does not answer');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port is free');
  return address.port;
}
