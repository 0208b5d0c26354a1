import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Folders of the workspace's packages, relative to {@link root}. */
export function projectFolders() {
  const packages = readdirSync(join(root, 'packages'), { withFileTypes: true })
    .filter((entry) => existsSync(join(root, 'packages', entry.name, 'package.json')))
    .map((entry) => join('packages', entry.name));
  return [...packages, 'test'];
}

/**
 * Runs a command in the repository to its end and resolves to its exit code.
 *
 * `stdout` is where its standard output goes: `inherit`, `stderr`, or a function that takes text
 * (and then also gets what it writes to standard error).
 */
export function run(command, args, { stdout = 'inherit', env = {} } = {}) {
  const capture = typeof stdout === 'function';
  const output = capture ? ['pipe', 'pipe'] : [stdout === 'stderr' ? 2 : 'inherit', 'inherit'];
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', ...output],
  });
  if (capture) {
    child.stdout.setEncoding('utf8').on('data', stdout);
    child.stderr.setEncoding('utf8').on('data', stdout);
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Runs the command that an installed package puts into node_modules/.bin. */
export function runTool(name, args, options) {
  return run(join(root, 'node_modules', '.bin', name), args, options);
}

/** Runs one target of every project through nx, dependencies first. */
export function runTarget(target, { args = [], ...options } = {}) {
  return runTool('nx', ['run-many', '-t', target, ...args], options);
}
