import { spawn } from 'node:child_process';
import { build } from './build.mjs';
import { installIfNeeded } from './install-if-needed.mjs';

/** Installs and builds where needed. With `--json` among `args`, standard output stays untouched. */
export async function prepare(args) {
  const stdout = args.includes('--json') ? 'stderr' : 'inherit';
  await installIfNeeded({ stdout });
  const code = await build({ stdout });
  if (code !== 0) throw new Error('The build failed; see above.');
}

/** Runs a script of this repository in this process's place: its streams, signals and exit code. */
export function runScript(file, args) {
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the child as well; passing it on would count as a second one.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('error', (error) => {
    throw error;
  });
  child.once('exit', (code, signal) => {
    process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
    if (signal === null) process.exitCode = code;
    else process.kill(process.pid, signal);
  });
}
